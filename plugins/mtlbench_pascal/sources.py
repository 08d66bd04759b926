"""Know where PASCAL-MT comes from, on what terms, and how large it is."""

from __future__ import annotations

from pathlib import Path

from mtlbench.data.install import install, require_acceptance

URL = "https://data.vision.ee.ethz.ch/kmaninis/share/MTL/PASCAL_MT.tgz"
"""As named by its readers' sources: ASTMT, MTI, MTLoRA, InvPT."""
PUBLISHED_COUNTS = {"train": 4998, "val": 5105}
LICENCE = """PASCAL VOC 2010 (Everingham et al., IJCV 2010) with PASCAL-Context (Mottaghi et al., CVPR 2014),
PASCAL-Part (Chen et al., CVPR 2014), and saliency and normals distilled by ASTMT (Maninis et al., CVPR 2019).
The photos are from Flickr, whose terms of use apply to them; VOC and the annotations are published for
research, and no licence is stated for the package of all of them. Cite the papers, do not pass the files on,
and ask the authors before any other use. mtlbench ships none of it."""


def download(root: Path, accept_licence: bool, url: str = URL) -> Path:
    """Fetch the release and unpack it as `root`; see `install`.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: the host refuses or breaks off.
        UnsafeArchive: what arrived is no archive that may be unpacked, or `root` holds something.
    """
    require_acceptance(LICENCE, accept_licence)
    return install(root, url, lambda: url)
