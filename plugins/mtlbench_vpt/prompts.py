"""Modules that hold prompts and hand them to blocks."""

from __future__ import annotations

from torch import Tensor, nn


class FirstStagePrompts(nn.Module):
    """Bring prompts (S, 1, P, C) to the first stage; later ones get what they became if they `travel`."""

    def __init__(self, prompts: nn.Parameter, travel: bool) -> None:
        super().__init__()
        self.prompts, self.travel = prompts, travel

    def forward(self, stage: int, tokens: Tensor | None) -> Tensor | None:
        if stage == 0:
            return self.prompts
        return tokens if self.travel else None


class PromptedBlock(nn.Module):
    """Run a frozen block with prompts (S, 1, P, C) of its own, which end there."""

    def __init__(self, frozen: nn.Module, prompts: nn.Parameter) -> None:
        super().__init__()
        self.frozen, self.prompts = frozen, prompts

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> tuple[Tensor, None]:
        x, _ = self.frozen(x, self.prompts)
        return x, None
