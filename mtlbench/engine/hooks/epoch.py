"""Close every epoch: balancers and adapters see it, and what an adapter cuts is cut everywhere at once."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mtlbench.engine.conflicts import Conflicts

_KEPT = ("curves", "weights", "rank_maps", "sums", "weight_sums", "counts")


@HOOKS.register_module()
class EpochHook(Hook):
    """Gather losses and their weights, and act after the last step of each epoch.

    `curves` holds one mapping task -> mean loss per epoch, `weights` one mapping task -> mean effective
    weight (`BalancedOptimWrapper.weights`), both over the batches in which the task was active, `rank_maps`
    one rank map per epoch, `conflicts` how the gradients of tasks agree; all go into checkpoints and into the
    record.
    """

    priority = "NORMAL"

    def __init__(self, conflicts: Conflicts | None = None) -> None:
        self.conflicts = conflicts or Conflicts(())
        self.curves: list[dict[str, float]] = []
        self.weights: list[dict[str, float]] = []
        self.rank_maps: list[dict[str, dict[str, int]]] = []
        self.sums: dict[str, float] = {}
        self.weight_sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the step's losses; close the epoch after its last step."""
        losses = {task: float(loss) for task, loss in outputs.items()}
        runner.model.balancer.after_step(losses)
        for task, loss in losses.items():
            weight = float(runner.optim_wrapper.weights[task])
            self.sums[task] = self.sums.get(task, 0.0) + loss
            self.weight_sums[task] = self.weight_sums.get(task, 0.0) + weight
            self.counts[task] = self.counts.get(task, 0) + 1
        if (batch_idx + 1) % runner.train_loop.epoch_length == 0:
            self._close(runner, batch_idx // runner.train_loop.epoch_length)

    def _close(self, runner: Any, epoch: int) -> None:
        means = {task: self.sums[task] / self.counts[task] for task in self.sums}
        self.weights.append({task: self.weight_sums[task] / self.counts[task] for task in self.sums})
        self.sums, self.weight_sums, self.counts = {}, {}, {}
        self.curves.append(means)
        runner.model.balancer.after_epoch(means)
        runner.optim_wrapper.cut(runner.model.adapter.after_epoch(epoch))
        ranks = runner.model.adapter.rank_map()
        if ranks:
            self.rank_maps.append(ranks)
        runner.visualizer.add_scalars({f"loss/{task}": mean for task, mean in means.items()}, step=epoch + 1)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep."""
        return {name: getattr(self, name) for name in _KEPT} | {"conflicts": self.conflicts.state}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name in _KEPT:
            setattr(self, name, state[name])
        self.conflicts.state = state["conflicts"]
