from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from mtlbench.data.archive import extract
from mtlbench.data.errors import UnsafeArchive

FILES = {"images/a.jpg": b"a" * 3000, "gt_sets/val.txt": b"a\n"}


def tar(path: Path, files: dict[str, bytes], *specials: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in specials:
            archive.addfile(info)
    return path


def zipped(path: Path, files: dict[str, bytes], link: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        if link:
            info = zipfile.ZipInfo("link")
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, link)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize("top", ["", "NYUD_MT/"])
def test_files_arrive_without_a_lone_top_folder(tmp_path, make, top):
    archive = make(tmp_path / "archive", {top + name: data for name, data in FILES.items()})
    extract(archive, tmp_path / "deep" / "data")
    assert content(tmp_path / "deep" / "data") == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["data"]


def test_the_shared_folder_itself_which_dropbox_lists_is_passed_over(tmp_path):
    extract(zipped(tmp_path / "archive", {"/": b"", **FILES}), tmp_path / "data")
    assert content(tmp_path / "data") == FILES


HOSTILE = [
    (lambda path: tar(path, {**FILES, "../evil": b""}), "leads elsewhere"),
    (lambda path: tar(path, {**FILES, "/tmp/evil": b""}), "leads elsewhere"),
    (lambda path: tar(path, {**FILES, "images/../../evil": b""}), "leads elsewhere"),
    (lambda path: zipped(path, {**FILES, "../evil": b""}), "leads elsewhere"),
    (lambda path: zipped(path, {**FILES, "..\\evil": b""}), "leads elsewhere"),
    (lambda path: zipped(path, {**FILES, "C:/evil": b""}), "leads elsewhere"),
    (lambda path: tar(path, FILES, special("link", tarfile.SYMTYPE, "/etc")), "link or device"),
    (lambda path: tar(path, FILES, special("link", tarfile.LNKTYPE, "../x")), "link or device"),
    (lambda path: tar(path, FILES, special("pipe", tarfile.FIFOTYPE)), "link or device"),
    (lambda path: zipped(path, FILES, link="/etc/passwd"), "link or device"),
]


@pytest.mark.parametrize(("make", "message"), HOSTILE)
def test_members_that_lead_out_are_refused_and_nothing_is_left(tmp_path, make, message):
    archive = make(tmp_path / "archive")
    with pytest.raises(UnsafeArchive, match=message):
        extract(archive, tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert not (tmp_path.parent / "evil").exists()


def test_bombs_are_stopped_by_bytes_written_and_by_number(tmp_path):
    archive = tar(tmp_path / "archive", {"zeros": bytes(10**6)})
    assert archive.stat().st_size < 10_000
    with pytest.raises(UnsafeArchive, match=r"more than 500000 bytes"):
        extract(archive, tmp_path / "data", max_bytes=500_000)
    many = tar(tmp_path / "many", {f"{number}": b"" for number in range(20)})
    with pytest.raises(UnsafeArchive, match=r"more than 10 members"):
        extract(many, tmp_path / "data", max_files=10)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("make", [tar, zipped])
def test_damaged_archives_are_refused_whole(tmp_path, make):
    noise = bytes((index * index * 31) % 251 for index in range(100_000))
    archive = make(tmp_path / "archive", {"first": b"fine", "second": noise})
    archive.write_bytes(archive.read_bytes()[: -30_000 if make is zipped else -300])
    with pytest.raises(UnsafeArchive, match=r"cannot be unpacked.*fetch it again"):
        extract(archive, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_page_instead_of_an_archive_is_refused(tmp_path):
    (tmp_path / "archive").write_text("<html>Sign in</html>")
    with pytest.raises(UnsafeArchive, match=r"cannot be unpacked"):
        extract(tmp_path / "archive", tmp_path / "data")


def test_a_folder_with_files_is_never_overwritten(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("")
    with pytest.raises(UnsafeArchive, match=r"not empty; remove it or name another folder"):
        extract(tar(tmp_path / "archive", FILES), tmp_path / "data")
    assert (tmp_path / "data" / "mine").exists()
