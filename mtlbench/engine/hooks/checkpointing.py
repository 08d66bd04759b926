"""Save the state of a run at the ends of epochs, and take it up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mtlbench.engine import checkpoint, distributed
from mtlbench.engine.hooks.cost import CostHook
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.model import MultiTaskModel


def trained_state(model: MultiTaskModel) -> dict[str, Any]:
    """Return parameters that train, and all buffers that are kept: what the pretrained weights don't hold."""
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


@HOOKS.register_module()
class RunCheckpointHook(Hook):
    """Write a checkpoint after every `every` epochs and after the last step."""

    priority = "LOW"

    def __init__(
        self, folder: Path, every: int, identity: dict[str, Any], epochs: EpochHook, cost: CostHook
    ) -> None:
        self.folder = folder
        self.every = every
        self.identity = identity
        self.epochs = epochs
        self.cost = cost

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save where an epoch ends (after `EpochHook` closed it) and at the very end."""
        done = batch_idx + 1
        if done % (runner.train_loop.epoch_length * self.every) == 0 or done == runner.max_iters:
            if distributed.rank() == 0:
                checkpoint.save(self.folder, done, self._content(runner))
            distributed.barrier()

    def _content(self, runner: Any) -> dict[str, Any]:
        return {
            "identity": self.identity,
            "structure": runner.model.adapter.structure(),
            "model": trained_state(runner.model),
            "optimizer": runner.optim_wrapper.optimizer.state_dict(),
            "epochs": self.epochs.state(),
            "train_seconds": self.cost.train_seconds,
            "step_ms_first": self.cost.step_ms(slice(0, runner.train_loop.epoch_length)),
        }


def restore(content: dict[str, Any], identity: dict[str, Any], model: MultiTaskModel) -> None:
    """Give a freshly built model the structure and the values of a checkpoint, or raise what those do."""
    restore_structure(content, identity, model)
    restore_values(content, model)


def restore_structure(content: dict[str, Any], identity: dict[str, Any], model: MultiTaskModel) -> None:
    """Give a freshly built model the structure of a checkpoint.

    Raises:
        CheckpointError: it belongs to another config, seed or number of processes.
    """
    if content["identity"] != identity:
        raise checkpoint.CheckpointError(
            "The checkpoint in this work dir belongs to another config, seed or number of processes. Choose "
            "another --work-dir, or start anew there with --restart."
        )
    model.adapter.restore(content["structure"])


def restore_values(content: dict[str, Any], model: MultiTaskModel) -> None:
    """Give a model of the same structure, and with all state, the values of a checkpoint.

    Raises:
        CheckpointError: it lacks a parameter that trains.
    """
    missing, unexpected = model.load_state_dict(content["model"], strict=False)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    if set(missing) - frozen or unexpected:
        names = sorted((set(missing) - frozen) | set(unexpected))
        raise checkpoint.CheckpointError(
            f"The checkpoint does not fit the model: {names[0]} and {len(names) - 1} more. It was written by "
            "another version of a component; start anew with --restart."
        )
