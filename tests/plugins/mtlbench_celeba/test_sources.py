from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from mtlbench.data.errors import DownloadError, LicenceNotAccepted
from mtlbench_celeba import sources
from mtlbench_celeba.dataset import CelebA


class Drive(ThreadingHTTPServer):
    """Hand out files by id."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = files, []


class Handler(BaseHTTPRequestHandler):
    server: Drive

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = parse_qs(urlparse(self.path).query)["id"][0]
        self.server.asked.append(asked)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(self.server.files[asked])))
        self.end_headers()
        self.wfile.write(self.server.files[asked])


@pytest.fixture
def drive(root: Path, tmp_path: Path, monkeypatch) -> Iterator[Drive]:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted((root / "img_align_celeba").iterdir()):
            opened.write(path, f"img_align_celeba/{path.name}")
    contents = {
        name: (root / name).read_bytes() for name in ("list_eval_partition.txt", "list_attr_celeba.txt")
    }
    contents["img_align_celeba.zip"] = archive.read_bytes()
    known = {
        name: (file_id, hashlib.md5(contents[name]).hexdigest())
        for name, (file_id, _) in sources.FILES.items()
    }
    monkeypatch.setattr(sources, "FILES", known)
    server = Drive({file_id: contents[name] for name, (file_id, _) in known.items()})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def address(drive: Drive) -> str:
    return f"http://127.0.0.1:{drive.server_port}/uc"


def test_lists_and_images_are_fetched_checked_and_unpacked_once(drive, tmp_path):
    place = sources.download(tmp_path / "new", True, address(drive))
    assert sorted(path.name for path in place.iterdir()) == [
        "img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"
    ]  # fmt: skip
    assert len(CelebA("train", ("male",), place)) == 3
    drive.asked.clear()
    sources.download(place, True, address(drive))
    assert drive.asked == []


def test_another_content_is_refused(drive, tmp_path):
    file_id = sources.FILES["list_attr_celeba.txt"][0]
    drive.files[file_id] += b"\n"
    with pytest.raises(
        DownloadError, match=r"list_attr_celeba.txt has the MD5 .* instead of .*delete it and run"
    ):
        sources.download(tmp_path / "new", True, address(drive))


def test_without_acceptance_the_terms_are_shown_and_nothing_is_fetched(drive, tmp_path):
    with pytest.raises(LicenceNotAccepted, match=r"non-commercial research only(.|\n)*add --accept-licence"):
        sources.download(tmp_path / "new", False, address(drive))
    assert drive.asked == []


def test_a_host_out_of_reach_says_how_to_go_on(tmp_path):
    with pytest.raises(
        DownloadError, match=r"cannot be reached.*Fetch list_eval_partition.txt from https://mmlab"
    ):
        sources.download(tmp_path / "new", True, "http://127.0.0.1:1/uc")
