"""Load batches, and bring the bench's errors out of loader processes as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from mtlbench.errors import MtlbenchError


class Loader(DataLoader):
    """Yield the batches that `collate` makes of the samples of `view`; `options` are those of `DataLoader`.

    A worker process of `DataLoader` turns an exception into another one whose message is a traceback. Here an
    error of the bench, such as a truncated image, travels as a value and is raised where the batch is asked
    for.
    """

    def __init__(self, view: Any, collate: Callable[[list[Any]], Any], **options: Any) -> None:
        super().__init__(_Caught(view), collate_fn=_CaughtCollate(collate), **options)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, MtlbenchError):
                raise batch
            yield batch


class _Caught(Dataset):
    def __init__(self, view: Any) -> None:
        self.view = view

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, key: Any) -> Any:
        try:
            return self.view[key]
        except MtlbenchError as error:
            return error


class _CaughtCollate:
    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self.collate = collate

    def __call__(self, samples: list[Any]) -> Any:
        errors = [sample for sample in samples if isinstance(sample, MtlbenchError)]
        if errors:
            return errors[0]
        try:
            return self.collate(samples)
        except MtlbenchError as error:
            return error
