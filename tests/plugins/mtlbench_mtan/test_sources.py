from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtlbench.data.errors import DownloadError, LicenceNotAccepted
from mtlbench_mtan import sources
from mtlbench_mtan.nyuv2 import MTANNYUv2


class Share(ThreadingHTTPServer):
    """Send one body for whatever is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.asked = b"", []


class Handler(BaseHTTPRequestHandler):
    server: Share

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)


@pytest.fixture
def share() -> Iterator[Share]:
    server = Share()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def address(share: Share) -> str:
    return f"http://127.0.0.1:{share.server_port}/sh/x"


def as_dropbox(root: Path, archive: Path) -> bytes:
    """Pack a folder as Dropbox packs a shared one, with an entry for the folder itself."""
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("/", b"")
        for path in sorted(root.rglob("*.npy")):
            packed.write(path, path.relative_to(root))
    return archive.read_bytes()


def test_the_shared_folder_is_fetched_unpacked_and_pinned(share, nyuv2, tmp_path):
    share.body = as_dropbox(nyuv2, tmp_path / "share.zip")
    root = sources.download("mtan-nyuv2", tmp_path / "data" / "mtan_nyuv2", True, address(share))
    assert share.asked == ["/sh/x?dl=1"]
    assert [path.name for path in root.parent.iterdir()] == ["mtan_nyuv2"]
    assert len(MTANNYUv2("train", ("depth",), root)) == 3
    assert next(iter(MTANNYUv2.check(root))).startswith("names and sizes of 20 files are those of the first")


def test_a_page_instead_of_the_package_says_how_to_go_on(share, tmp_path):
    share.body = b"<html>Too many requests</html>"
    with pytest.raises(DownloadError, match=r"sent a page instead.*in a browser, and unpack"):
        sources.download("mtan-nyuv2", tmp_path / "new", True, address(share))
    assert not [*tmp_path.iterdir()]


def test_another_archive_says_what_is_missing(share, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.npy").touch()
    share.body = as_dropbox(tmp_path / "other", tmp_path / "share.zip")
    with pytest.raises(DownloadError, match="holds no train/image, see .*new"):
        sources.download("mtan-nyuv2", tmp_path / "new", True, address(share))


@pytest.mark.parametrize(
    ("name", "term"), [("mtan-nyuv2", "state no"), ("mtan-cityscapes", "register before")]
)
def test_without_acceptance_the_terms_are_shown_and_nothing_is_fetched(share, tmp_path, name, term):
    with pytest.raises(LicenceNotAccepted) as caught:
        sources.download(name, tmp_path / "new", False, address(share))
    assert term in " ".join(str(caught.value).split()) and "add --accept-licence" in str(caught.value)
    assert share.asked == []
