"""Describe arrays and tensors as pickles do, without making them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names."""

    path: str


@dataclass
class DType:
    """A type in numpy's code, such as `f8`, with its byte order; `O` holds objects."""

    code: str
    order: Any = "|"


@dataclass
class Array:
    """A numpy array: its bytes, or its objects in a list."""

    shape: tuple[int, ...] = ()
    dtype: DType | None = None
    fortran: bool = False
    content: bytes | list | None = None


@dataclass(frozen=True)
class Storage:
    """The memory of tensors, which lies elsewhere in the file."""

    dtype: DType
    key: str
    length: int


@dataclass(frozen=True)
class Tensor:
    """A view into a storage, counted in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def require(condition: bool, otherwise: str) -> None:
    """Raise `ValueError` where a pickle describes nothing that arrays and tensors are made of."""
    if not condition:
        raise ValueError(otherwise)


def expect(value: Any, kind: Any) -> Any:
    """Return `value` if it is of `kind`, else raise `TypeError`."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} where {getattr(kind, '__name__', kind)} should be")
    return value


def count(value: Any) -> int:
    """Return `value` if it is a number of things."""
    require(expect(value, int) >= 0, "a size is negative")
    return value


def counts(values: Any) -> tuple[int, ...]:
    """Return `values` if they are the sizes of at most 32 axes."""
    require(len(expect(values, tuple | list)) <= 32, "an array has more than 32 axes")
    return tuple(count(value) for value in values)


def fill(array: Array, shape: Any, dtype: Any, fortran: bool, content: Any) -> Array:
    """Give an array its content."""
    if isinstance(content, str):  # of Python 2
        content = content.encode("latin-1")
    array.shape, array.dtype, array.fortran = counts(shape), expect(dtype, DType), bool(fortran)
    array.content = expect(content, list if array.dtype.code == "O" else bytes | bytearray)
    return array


def _reconstruct(kind: Any, shape: Any, code: Any) -> Array:
    require(kind == Name("numpy.ndarray"), "an array is of a class of its own")
    return Array()


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> Array:
    return fill(Array(), shape, dtype, order == "F", content)


def _scalar(dtype: Any, content: Any) -> Array:
    return fill(Array(), (), dtype, False, content)


def _dtype(code: Any, align: Any = False, copy: Any = True) -> DType:
    if code in ("O", "O8"):
        return DType("O")
    require(re.fullmatch(r"[biufcSU]\d{1,9}", expect(code, str)) is not None, f"the type {code[:20]!r}")
    return DType(code)


def _encode(text: Any, encoding: Any) -> bytes:
    require(encoding in ("latin1", "latin-1"), "bytes are written in another way than Python does")
    return expect(text, str).encode("latin-1")


def _ordered_dict(pairs: Any = ()) -> dict:
    return {expect(key, str | int): value for key, value in pairs}


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    return Tensor(expect(storage, Storage), count(offset), counts(size), counts(stride))


BUILDERS: dict[str, Callable[..., Any]] = {
    "__builtin__.bytes": lambda: b"",
    "_codecs.encode": _encode,
    "collections.OrderedDict": _ordered_dict,
    "numpy.dtype": _dtype,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    **{f"{core}.multiarray._reconstruct": _reconstruct for core in ("numpy.core", "numpy._core")},
    **{f"{core}.multiarray.scalar": _scalar for core in ("numpy.core", "numpy._core")},
    **{f"{core}.numeric._frombuffer": _from_buffer for core in ("numpy.core", "numpy._core")},
}
"""What a pickle may call, and what we do instead; numpy 2 moved `numpy.core`."""

CLASSES: dict[str, DType] = {
    "numpy.ndarray": DType("O"),
    "torch.FloatStorage": DType("f4", "<"),
    "torch.DoubleStorage": DType("f8", "<"),
    "torch.HalfStorage": DType("f2", "<"),
    "torch.LongStorage": DType("i8", "<"),
    "torch.IntStorage": DType("i4", "<"),
    "torch.ShortStorage": DType("i2", "<"),
    "torch.CharStorage": DType("i1", "<"),
    "torch.ByteStorage": DType("u1", "<"),
    "torch.BoolStorage": DType("b1", "<"),
}
"""What a pickle may name besides, with the type of the storages among them."""
