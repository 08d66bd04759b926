"""Visual prompt tuning (Jia et al., ECCV 2022)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.sites import replace
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_vpt.prompts import FirstStagePrompts, PromptedBlock

SHARING = ("per-task", "shared")


class VPT(Adapter):
    """Train prompts, one set per task or one for all, and nothing of the backbone.

    Args:
        tasks: names of the tasks.
        prompts: P, tokens of a set, where it joins.
        sharing: `per-task` or `shared`.
    """

    def __init__(self, tasks: Sequence[str], prompts: int = 50, sharing: str = "per-task") -> None:
        super().__init__(tasks)
        if sharing not in SHARING:
            hint = did_you_mean(str(sharing), SHARING)
            raise MtlbenchError(f"There is no sharing {sharing!r}: choose one of {', '.join(SHARING)}.{hint}")
        self.prompts, self.sets = prompts, len(self.tasks) if sharing == "per-task" else 1

    @abstractmethod
    def attach(self, backbone: Backbone) -> None:
        """Let prompts join the tokens of `backbone`."""

    def make(self, backbone: Backbone, width: int) -> nn.Parameter:
        """Draw prompts (S, 1, P, width) from Xavier's uniform law of the convolution that embeds patches."""
        kernel = next(
            parameter
            for name, parameter in backbone.named_parameters()
            if backbone.parameter_role(name) == "patch_embed" and parameter.ndim == 4
        )
        bound = (6 / (kernel[0].numel() + len(kernel))) ** 0.5
        return nn.Parameter(kernel.new_empty(self.sets, 1, self.prompts, width).uniform_(-bound, bound))


class VPTShallow(VPT):
    """Put prompts beside the tokens that enter the first block.

    They travel through the blocks of a plain transformer to the end, and where stages have widths of their
    own through those of the first stage.
    """

    def attach(self, backbone: Backbone) -> None:
        """Bring the prompts."""
        widths = widths_of_stages(backbone)
        travel = len(set(widths.values())) == 1
        backbone.tokens = FirstStagePrompts(self.make(backbone, widths[0]), travel)


class VPTDeep(VPT):
    """Put fresh prompts beside the tokens that enter every block, and drop what the block makes of them."""

    def attach(self, backbone: Backbone) -> None:
        """Wrap every block."""
        widths = widths_of_stages(backbone)
        replace(
            backbone,
            ("block",),
            lambda block, site: PromptedBlock(block, self.make(backbone, widths[site.stage])),
        )


def widths_of_stages(backbone: Backbone) -> dict[int, int]:
    """Return stage -> channels of its tokens."""
    return {
        site.stage: backbone.get_submodule(site.path).in_features
        for site in backbone.sites()
        if site.role == "qkv"
    }
