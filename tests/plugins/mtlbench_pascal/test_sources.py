from __future__ import annotations

import json
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtlbench.data.errors import BadSample, DownloadError, LicenceNotAccepted
from mtlbench.data.install import MANIFEST
from mtlbench_pascal import sources
from mtlbench_pascal.dataset import PASCAL


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url(root: Path, tmp_path: Path) -> Iterator[str]:
    with tarfile.open(tmp_path / "PASCAL_MT.tgz", "w:gz") as archive:
        archive.add(root, "PASCAL_MT")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/PASCAL_MT.tgz"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_release_is_fetched_unpacked_and_pinned(url, tmp_path):
    place = sources.download(tmp_path / "data/PASCAL_MT", True, url)
    assert [path.name for path in place.parent.iterdir()] == ["PASCAL_MT"]
    pin = json.loads((place / MANIFEST).read_text())
    assert (
        pin["source"] == url and len(pin["files"]) == 3 * 6 + 2 + 2
    )  # two photos are in both semseg folders
    assert len(PASCAL("train", ("semseg",), place)) == 2
    (place / "ImageSets/Parts").mkdir()
    (place / "ImageSets/Parts/train.txt").write_text("{}")  # as published readers write on first use
    assert next(PASCAL.check(place)).startswith("names and sizes of 22 files are those of the first download")
    (place / "sal_distill/2008_000003.png").write_bytes(b"short")
    with pytest.raises(BadSample, match=r"differs in 1 of the 22 .*sal_distill/2008_000003.png; delete"):
        next(PASCAL.check(place))


def test_without_acceptance_the_terms_are_shown_and_nothing_is_fetched(tmp_path):
    with pytest.raises(LicenceNotAccepted, match=r"Flickr(.|\n)*no licence is stated(.|\n)*--accept-licence"):
        sources.download(tmp_path / "new", False, "http://127.0.0.1:1/x")
    assert not list(tmp_path.iterdir())


def test_a_release_that_is_gone_says_how_to_go_on(url, tmp_path):
    with pytest.raises(DownloadError, match=r"answers 404.*fetch the file by hand to .*new.archive"):
        sources.download(tmp_path / "new", True, url.replace("PASCAL_MT", "nothing"))
