"""DiTASK (Mantri et al., CVPR 2025)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone, Site
from mtlbench.engine.streams import branch
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_ditask.linear import Decomposed, SharedLinear, TaskLinear, deform_all
from mtlbench_ditask.spectra import Indices, Spectra, Values

VARIANTS: dict[str, type[Spectra]] = {"values": Values, "released": Indices}
PER_TASK = ("proj", "fc1", "fc2")
ROLES = ("qkv", *PER_TASK)


class DiTASK(Adapter):
    """Deform singular values of frozen weights by learned diffeomorphisms; singular vectors stay.

    Every linear layer of a block has a diffeomorphism that all tasks share; `proj`, `fc1` and `fc2` of each
    stage's last block have one more per task. Weights of queries, keys and values are three matrices under
    one diffeomorphism. Tasks read streams of their own, so nothing would read the shared one from the very
    last `proj` on: there it ends, and its three diffeomorphisms, which would never see a gradient, aren't
    created.

    Args:
        tasks: names of the tasks.
        tess: cells of the shared diffeomorphisms' velocities, one more than their parameters.
        task_tess: cells of the tasks' velocities.
        variant: `values` deforms the singular values, as the paper has it; `released` resamples the list of
            them at deformed places, as the public code does.
        start: `zeros`, from the pretrained function, or `kaiming`, as the public code; None is `zeros` for
            `values` and `kaiming` for `released`.
        dropout: probability that an input element of the shared stream is dropped in training.
        trains: roles of the backbone's own parameters that train besides.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        tess: int = 64,
        task_tess: int = 4,
        variant: str = "values",
        start: str | None = None,
        dropout: float = 0.0,
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias", "reduction"),
    ) -> None:
        super().__init__(tasks)
        start = start or ("kaiming" if variant == "released" else "zeros")
        _check("variant", variant, VARIANTS)
        _check("start", start, ("zeros", "kaiming"))
        if min(tess, task_tess) < 2:
            raise MtlbenchError(
                f"ditask has tess={tess} and task_tess={task_tess}: a velocity that is zero at both ends "
                "needs at least 2 cells."
            )
        self.trains = tuple(trains)
        spectra = partial(VARIANTS[variant], kaiming=start == "kaiming")
        self._shared = partial(spectra, 1, tess)
        self._task = partial(spectra, len(self.tasks), task_tess)
        self._dropout = dropout

    def attach(self, backbone: Backbone) -> None:
        """Replace the linear layers of blocks and fan the streams out in the last block of each stage."""
        sites = [site for site in backbone.sites() if site.role in ROLES]
        last_stage = max(site.stage for site in sites)
        for site in sites:
            layer = self._layer(backbone.get_submodule(site.path), site, site.stage == last_stage)
            backbone.set_submodule(site.path, layer)
        backbone.branch = partial(branch, tasks=len(self.tasks))
        backbone.register_forward_pre_hook(deform_all)

    def _layer(self, frozen: nn.Linear, site: Site, ends: bool) -> Decomposed:
        if not (site.last and site.role in PER_TASK):
            return SharedLinear(frozen, self._shared(), 3 if site.role == "qkv" else 1, self._dropout)
        if not ends:
            return TaskLinear(frozen, self._shared(), self._task(), self._dropout)
        return TaskLinear(frozen, None, self._task(), self._dropout if site.role == "proj" else 0.0)


def _check(option: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise MtlbenchError(
            f"ditask has no {option} {value!r}: choose one of {', '.join(known)}.{did_you_mean(value, known)}"
        )
