"""Close every epoch: balancers and adapters see it, and what an adapter cuts is cut everywhere at once."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mtlbench.engine.optim import apply_selections


@HOOKS.register_module()
class EpochHook(Hook):
    """Gather losses, and act after the last step of each epoch.

    `curves` holds one mapping task -> mean loss per epoch, `rank_maps` one rank map per epoch; both go into
    checkpoints and into the record.
    """

    priority = "NORMAL"

    def __init__(self) -> None:
        self.curves: list[dict[str, float]] = []
        self.rank_maps: list[dict[str, dict[str, int]]] = []
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the step's losses; close the epoch after its last step."""
        losses = {task: float(loss) for task, loss in outputs.items()}
        runner.model.balancer.after_step(losses)
        for task, loss in losses.items():
            self.sums[task] = self.sums.get(task, 0.0) + loss
            self.counts[task] = self.counts.get(task, 0) + 1
        if (batch_idx + 1) % runner.train_loop.epoch_length == 0:
            self._close(runner, batch_idx // runner.train_loop.epoch_length)

    def _close(self, runner: Any, epoch: int) -> None:
        means = {task: self.sums[task] / self.counts[task] for task in self.sums}
        self.sums, self.counts = {}, {}
        self.curves.append(means)
        runner.model.balancer.after_epoch(means)
        apply_selections(runner.model.adapter.after_epoch(epoch), runner.optim_wrapper.optimizer)
        ranks = runner.model.adapter.rank_map()
        if ranks:
            self.rank_maps.append(ranks)
        runner.visualizer.add_scalars({f"loss/{task}": mean for task, mean in means.items()}, step=epoch + 1)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep."""
        return {"curves": self.curves, "rank_maps": self.rank_maps, "sums": self.sums, "counts": self.counts}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.curves, self.rank_maps = state["curves"], state["rank_maps"]
        self.sums, self.counts = state["sums"], state["counts"]
