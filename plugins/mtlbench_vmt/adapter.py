"""VMT-Adapter and VMT-Adapter-Lite (Xin et al., AAAI 2024), re-implemented."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.streams import branch
from mtlbench_vmt.mlp import AdaptedMlp, Bottleneck, TiedBottleneck


class VMTAdapter(Adapter):
    """Put an adapter beside every MLP, which all tasks share, and let tasks extract theirs from its output.

    Knowledge is extracted in the last block of each stage only: there the streams fan out to 1 + T, those of
    the tasks leave to the decoder and the shared one goes on. All blocks run once.

    Args:
        tasks: names of the tasks.
        bottleneck: r, inner size of an adapter.
        trains: roles of the backbone's own parameters that train too.
    """

    #: how an adapter multiplies
    projections: type[Bottleneck] | type[TiedBottleneck] = Bottleneck

    def __init__(self, tasks: Sequence[str], bottleneck: int = 30, trains: Collection[str] = ()) -> None:
        super().__init__(tasks)
        self.bottleneck, self.trains = bottleneck, tuple(trains)

    def attach(self, backbone: Backbone) -> None:
        """Replace every MLP, and let task streams leave at the end of each stage."""
        sites = backbone.sites()
        inputs = {
            (site.stage, site.block): backbone.get_submodule(site.path).in_features
            for site in sites
            if site.role == "fc1"
        }
        end = max(site.stage for site in sites)
        for site in sites:
            if site.role == "mlp":
                width = inputs[site.stage, site.block]
                mlp = AdaptedMlp(
                    backbone.get_submodule(site.path),
                    self.projections(width, self.bottleneck),
                    width,
                    tasks=len(self.tasks) if site.last else 0,
                    ends=site.stage == end,
                )
                backbone.set_submodule(site.path, mlp)
        backbone.branch = partial(branch, tasks=len(self.tasks))


class VMTAdapterLite(VMTAdapter):
    """Use one matrix for both projections of an adapter, and a scale per channel.

    Args:
        tasks: names of the tasks.
        bottleneck: r, inner size of an adapter.
        trains: roles of the backbone's own parameters that train too.
    """

    projections = TiedBottleneck

    def __init__(self, tasks: Sequence[str], bottleneck: int = 18, trains: Collection[str] = ()) -> None:
        super().__init__(tasks, bottleneck, trains)
