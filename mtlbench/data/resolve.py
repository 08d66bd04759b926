"""Make arrays of what a pickle describes, within what its file can hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mtlbench.data.errors import UnsafePickle
from mtlbench.data.pickled import Array, DType, Storage, Tensor, require

_DEEPEST = 64  # nested lists and dicts
_SWELL = 64  # how many times the size of its file what a pickle describes may be, for parts may be shared
_SMALL = 2**16  # bytes that it may be in any case


class Resolver:
    """Turn what `unpickle` returns into dicts, lists, strings, numbers, None and numpy arrays.

    Args:
        size: of the file in bytes.
        load: returns the bytes of a storage; None where the file has none.
    """

    def __init__(self, size: int, load: Callable[[Storage], bytes] | None = None) -> None:
        self._left = _SWELL * size + _SMALL
        self._load = load
        self._storages: dict[str, np.ndarray] = {}

    def resolve(self, node: Any) -> Any:
        """Return the data.

        Raises:
            UnsafePickle: it is something else, nested too deeply, too large for its file, or damaged.
        """
        try:
            return self._resolve(node, 0)
        except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
            raise UnsafePickle(f"is damaged ({type(error).__name__}: {error})") from error

    def _resolve(self, node: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise UnsafePickle(f"nests more than {_DEEPEST} lists and dicts, or one in itself")
        self._spend(1)
        if node is None or isinstance(node, bool | float):
            return node
        if isinstance(node, int):
            self._spend(node.bit_length() // 8)
            return node
        if isinstance(node, str):
            self._spend(len(node))
            return node
        if isinstance(node, list | tuple):
            return [self._resolve(item, depth + 1) for item in node]
        if isinstance(node, dict):
            self._spend(sum(len(str(key)) for key in node))
            return {key: self._resolve(value, depth + 1) for key, value in node.items()}
        if isinstance(node, Array):
            return self._make_array(node, depth)
        if isinstance(node, Tensor):
            return self._make_tensor(node)
        raise UnsafePickle(f"holds a {type(node).__name__.lower()}")

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise UnsafePickle("describes far more than it is large itself")

    def _make_array(self, array: Array, depth: int) -> Any:
        shape, content = array.shape, array.content
        if content is None or array.dtype is None:
            raise ValueError("an array has no content")
        if isinstance(content, list):
            require(len(content) == math.prod(shape), "an array has another size than its shape says")
            require(not array.fortran or len(shape) < 2, "objects are stored by columns")
            return _nest([self._resolve(item, depth + 1) for item in content], shape)
        dtype = _numpy_dtype(array.dtype)
        require(
            len(content) == math.prod(shape) * dtype.itemsize, "an array has another size than its shape says"
        )
        self._spend(len(content))
        if not content:
            return np.empty(shape, dtype)
        made = np.frombuffer(content, dtype).reshape(shape, order="F" if array.fortran else "C")
        return made.item() if shape == () else made

    def _make_tensor(self, tensor: Tensor) -> np.ndarray:
        size, stride, memory = tensor.size, tensor.stride, self._open(tensor.storage)
        require(len(size) == len(stride), "a tensor has another number of strides than of axes")
        elements = math.prod(size)
        require(elements <= len(memory), "a tensor is larger than its storage")
        self._spend(elements * memory.itemsize)
        if not elements:
            return np.empty(size, memory.dtype)
        last = tensor.offset + sum((axis - 1) * step for axis, step in zip(size, stride, strict=True))
        require(last < len(memory), "a tensor reaches beyond its storage")
        steps = [step * memory.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(memory[tensor.offset :], size, steps).copy()

    def _open(self, storage: Storage) -> np.ndarray:
        if storage.key not in self._storages:
            require(self._load is not None, "a tensor has no storage")
            content, dtype = self._load(storage), _numpy_dtype(storage.dtype)  # type: ignore[misc]
            self._spend(len(content))
            require(
                len(content) == storage.length * dtype.itemsize, "a storage has another size than it says"
            )
            self._storages[storage.key] = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
        return self._storages[storage.key]


def _nest(items: list, shape: tuple[int, ...]) -> Any:
    """Return the items of an array (shape) as nested lists."""
    if not shape:
        return items[0]
    step = len(items) // shape[0] if shape[0] else 0
    return [
        _nest(items[start * step : (start + 1) * step], shape[1:])
        for start in range(shape[0] if items else 0)
    ]


def _numpy_dtype(dtype: DType) -> np.dtype:
    require(dtype.order in ("<", ">", "=", "|"), "a type has an unknown byte order")
    made = np.dtype(dtype.order + dtype.code)
    require(made.itemsize > 0, "a type has no size")
    return made
