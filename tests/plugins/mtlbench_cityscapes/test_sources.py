from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from mtlbench.data.errors import DownloadError, LicenceNotAccepted, UnsafeArchive
from mtlbench_cityscapes.dataset import Cityscapes


def pack(root: Path, folder: str, *, with_licence: bool = True) -> None:
    """Turn a folder of the dataset into the archive that the site hands out."""
    with zipfile.ZipFile(root / f"{folder}_trainvaltest.zip", "w") as archive:
        if with_licence:
            archive.writestr("license.txt", "terms")
        for path in sorted((root / folder).rglob("*.*")):
            archive.write(path, path.relative_to(root))
    shutil.rmtree(root / folder)


@pytest.mark.parametrize("with_licence", [True, False])
def test_archives_fetched_by_hand_are_unpacked(root, with_licence):
    before = Cityscapes("train", ("semseg", "depth"), root).fingerprint()
    for folder in ("leftImg8bit", "gtFine", "disparity"):
        pack(root, folder, with_licence=with_licence)
    assert Cityscapes.download(root, True) == root
    assert Cityscapes("train", ("semseg", "depth"), root).fingerprint() == before
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [
        "disparity",
        "gtFine",
        "leftImg8bit",
    ]
    assert Cityscapes.download(root, True) == root


def test_what_is_missing_is_named_with_the_way_to_it(root):
    shutil.rmtree(root / "disparity")
    with pytest.raises(DownloadError) as caught:
        Cityscapes.download(root, True)
    text = str(caught.value)
    assert text.startswith(f"{root} lacks disparity_trainvaltest.zip. ")
    for part in (
        "/register/",
        "/downloads/",
        f"csDownload -d {root} disparity_trainvaltest.zip`",
        "run this command",
    ):
        assert part in text


def test_hostile_archives_are_refused(root):
    shutil.rmtree(root / "disparity")
    with zipfile.ZipFile(root / "disparity_trainvaltest.zip", "w") as archive:
        archive.writestr("../evil", "")
    with pytest.raises(UnsafeArchive, match="leads elsewhere"):
        Cityscapes.download(root, True)
    assert not (root / "disparity").exists() and not (root.parent / "evil").exists()


def test_without_acceptance_the_terms_are_shown(root):
    with pytest.raises(LicenceNotAccepted, match=r"non-commercial(.|\n)*add --accept-licence"):
        Cityscapes.download(root, False)
