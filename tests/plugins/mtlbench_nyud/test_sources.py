from __future__ import annotations

import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from mtlbench.data.errors import BadSample, DownloadError, LicenceNotAccepted
from mtlbench.data.install import MANIFEST
from mtlbench_nyud import sources
from mtlbench_nyud.dataset import NYUD

WARNING = """<html><body><form id="search"><input type="hidden" name="q" value="x"></form>
<form id="download-form" action="/download" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t">
<input type="hidden" name="uuid" value="1-2-3"></form></body></html>"""
QUOTA = "<html><body>Too many users have viewed or downloaded this file recently.</body></html>"


class Drive(ThreadingHTTPServer):
    """Behave as the host of large files does."""

    def __init__(self, archive: bytes, page: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.archive, self.page, self.asked = archive, page, []


class Handler(BaseHTTPRequestHandler):
    server: Drive

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        address = urlparse(self.path)
        fields = {key: value[0] for key, value in parse_qs(address.query).items()}
        self.server.asked.append((address.path, fields))
        file = address.path == "/download" and fields.get("confirm") == "t" and fields.get("uuid") == "1-2-3"
        body = self.server.archive if file else self.server.page.format(id=fields["id"]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if file else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def drive(mti: Path, tmp_path: Path) -> Iterator[Drive]:
    with tarfile.open(tmp_path / "release.tgz", "w:gz") as archive:
        archive.add(mti, "NYUD_MT")
    server = Drive((tmp_path / "release.tgz").read_bytes(), WARNING)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def address(drive: Drive) -> str:
    return f"http://127.0.0.1:{drive.server_port}/uc"


def test_the_release_is_fetched_past_the_warning_unpacked_and_pinned(drive, tmp_path):
    root = sources.download(tmp_path / "data" / "NYUD_MT", True, address(drive))
    assert [path for path, _ in drive.asked] == ["/uc", "/download"]
    assert all(fields["id"] == sources.FILE_ID for _, fields in drive.asked)
    assert [path.name for path in root.parent.iterdir()] == ["NYUD_MT"]
    pinned = json.loads((root / MANIFEST).read_text())
    assert (
        pinned["sha256"] == hashlib.sha256(drive.archive).hexdigest() and pinned["published_sha256"] is None
    )
    assert len(pinned["files"]) == 3 * 5 + 2
    assert len(NYUD("train", ("depth",), root)) == 2
    assert "names and sizes of 17 files are those of the first download" in next(NYUD.check(root))
    (root / "depth/0001.npy").write_bytes(b"short")
    with pytest.raises(BadSample, match=r"differs in 1 of the 17 files.*depth/0001.npy; delete the folder"):
        next(NYUD.check(root))


def test_an_archive_that_arrived_but_was_not_unpacked_is_not_fetched_again(drive, tmp_path):
    (tmp_path / "new.archive").write_bytes(drive.archive)
    sources.download(tmp_path / "new", True, address(drive))
    assert drive.asked == [] and len(NYUD("val", ("depth",), tmp_path / "new")) == 1


def test_without_acceptance_the_terms_are_shown_and_nothing_is_fetched(drive, tmp_path):
    with pytest.raises(LicenceNotAccepted, match=r"research and state no licence(.|\n)*add --accept-licence"):
        sources.download(tmp_path / "new", False, address(drive))
    assert drive.asked == []


def test_a_used_up_quota_says_how_to_go_on(drive, tmp_path):
    drive.page = QUOTA
    with pytest.raises(DownloadError, match=r"quota is used up.*try again tomorrow, or fetch https://drive"):
        sources.download(tmp_path / "new", True, address(drive))


def test_a_host_out_of_reach_says_how_to_go_on(tmp_path):
    with pytest.raises(DownloadError, match=r"cannot be reached.*in a browser and unpack it as"):
        sources.download(tmp_path / "new", True, "http://127.0.0.1:1/uc")
