from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtlbench.data.download import download
from mtlbench.data.errors import DownloadError

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serve `body`, as the attributes say; keep the Range headers it was sent."""

    body, tag, ranges = BODY, '"v1"', True
    break_after: int | None = None  # bytes of an answer after which the connection breaks, `breaks` times
    breaks = 0
    status: int | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.tar"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        server, span = self.server, self.headers.get("Range")
        server.asked.append(span)
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        if span and server.ranges and self.headers.get("If-Range") == server.tag:
            start = int(span.removeprefix("bytes=").rstrip("-"))
        rest = server.body[start:]
        if not rest:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.body) - 1}/{len(server.body)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            self.wfile.write(rest[: server.break_after])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(rest)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_with_its_checksum(server, tmp_path):
    assert download(server.url, tmp_path / "new" / "file.tar", SHA) == SHA
    assert (tmp_path / "new" / "file.tar").read_bytes() == BODY
    assert leftovers(tmp_path / "new") == ["file.tar"]


def test_a_broken_connection_is_resumed_in_the_same_call(server, tmp_path):
    server.breaks, server.break_after = 2, 300_000
    assert download(server.url, tmp_path / "file.tar", SHA, pause=0) == SHA
    assert server.asked[0] is None and len(server.asked) == 3
    assert all(span is not None and span.startswith("bytes=") for span in server.asked[1:])


def test_a_later_call_goes_on_where_an_earlier_one_was_interrupted(server, tmp_path):
    server.breaks, server.break_after = 1, 300_000
    with pytest.raises(
        DownloadError, match=r"did not arrive after 1 attempts.*300000 bytes are kept.*to go on"
    ):
        download(server.url, tmp_path / "file.tar", SHA, attempts=1)
    assert not (tmp_path / "file.tar").exists()
    assert download(server.url, tmp_path / "file.tar", SHA) == SHA
    assert server.asked == [None, "bytes=300000-"]


@pytest.mark.parametrize("change", [{"ranges": False}, {"tag": None}, {"tag": '"v2"', "body": BODY[::-1]}])
def test_servers_that_cannot_resume_and_changed_files_start_anew(server, tmp_path, change):
    if "body" not in change:
        vars(server).update(change)
    server.breaks, server.break_after = 1, 300_000
    with pytest.raises(DownloadError):
        download(server.url, tmp_path / "file.tar", attempts=1)
    vars(server).update(change)
    download(server.url, tmp_path / "file.tar")
    assert (tmp_path / "file.tar").read_bytes() == server.body


def test_a_partial_file_that_is_already_whole_is_fetched_anew(server, tmp_path):
    (tmp_path / "file.tar.part").write_bytes(BODY)
    (tmp_path / "file.tar.part.version").write_text(server.tag)
    assert download(server.url, tmp_path / "file.tar", SHA, pause=0) == SHA


def test_a_wrong_checksum_deletes_the_file_and_names_both(server, tmp_path):
    with pytest.raises(DownloadError, match=f"{SHA} instead of {'0' * 64}; it was deleted"):
        download(server.url, tmp_path / "file.tar", "0" * 64)
    assert leftovers(tmp_path) == []


def test_a_refusal_is_not_repeated(server, tmp_path):
    server.status = 404
    with pytest.raises(DownloadError, match=r"answers 404.*fetch the file by hand to"):
        download(server.url, tmp_path / "file.tar", pause=0)
    assert len(server.asked) == 1


def test_a_failing_server_is_asked_as_often_as_agreed(server, tmp_path):
    server.status = 503
    with pytest.raises(DownloadError, match=r"after 3 attempts"):
        download(server.url, tmp_path / "file.tar", attempts=3, pause=0)
    assert len(server.asked) == 3


def test_attempts_count_anew_while_bytes_arrive(server, tmp_path):
    server.breaks, server.break_after = 6, 150_000
    assert download(server.url, tmp_path / "file.tar", SHA, attempts=2, pause=0) == SHA
