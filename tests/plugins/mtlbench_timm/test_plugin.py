import subprocess
import sys

import mtlbench_timm
from mtlbench.contracts.backbone import Backbone
from mtlbench.plugin import Catalog
from mtlbench.plugin.loader import LoadedPlugin


def test_offers_two_backbones_without_importing_torch():
    code = (
        "import sys, mtlbench_timm as plugin;"
        "print(*[record.name for record in plugin.mtlbench_backbones()], 'torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["timm", "rooms-swin", "False"]


def test_targets_are_backbones():
    records = tuple(mtlbench_timm.mtlbench_backbones())
    catalog = Catalog([LoadedPlugin("timm", "mtlbench", "0", "mtlbench_timm", records)])
    for record in records:
        target = catalog.resolve("backbone", record.name)
        assert issubclass(target, Backbone)
        assert isinstance(target(pretrained=False), Backbone)
