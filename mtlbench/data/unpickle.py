"""Read what a pickle describes without doing what it asks for.

A pickle is a program. This one is followed on a stack of our own: nothing is imported, looked up or called,
and the few names that arrays and tensors need stand for builders of our own. Everything else is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import IO, Any

from mtlbench.data.errors import UnsafePickle
from mtlbench.data.pickled import BUILDERS, CLASSES, Array, DType, Name, Storage, count, expect, fill, require


def unpickle(stream: IO[bytes], storages: dict[str, Storage] | None = None) -> Any:
    """Return what one pickle describes, and leave `stream` behind its end.

    Args:
        stream: the pickle.
        storages: is filled with the storages that the pickle's tensors lie in, by their key.

    Returns:
        Dicts, lists, tuples, strings, bytes, numbers, None, and the classes of `mtlbench.data.pickled`. Parts
        may be shared, and may contain themselves.

    Raises:
        UnsafePickle: it asks for anything else, or is damaged.
    """
    machine = _Machine({} if storages is None else storages)
    try:
        for opcode, argument, position in pickletools.genops(stream):
            if opcode.name == "STOP":
                return machine.pop()
            step = _STEPS.get(opcode.name)
            if step is None:
                raise UnsafePickle(f"uses {opcode.name} at byte {position}")
            step(machine, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UnsafePickle(f"is damaged ({type(error).__name__}: {error})") from error
    raise UnsafePickle("has no end")


class _Machine:
    """The stack of a pickle, the stacks below its marks, and what it memorised."""

    def __init__(self, storages: dict[str, Storage]) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        return self.stack.pop()

    def take(self, number: int) -> list[Any]:
        return [self.stack.pop() for _ in range(number)][::-1]

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def take_marked(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def memorise(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def recall(self, index: int) -> None:
        self.push(self.memo[index])

    def extend(self, items: list[Any]) -> None:
        expect(self.stack[-1], list).extend(items)

    def make_dict(self, items: list[Any]) -> None:
        self.push({})
        self.update(items)

    def update(self, items: list[Any]) -> None:
        target = expect(self.stack[-1], dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[expect(key, str | int)] = value

    def name(self, path: str) -> None:
        if path not in BUILDERS and path not in CLASSES:
            raise UnsafePickle(f"asks for {path}")
        self.push(Name(path))

    def call(self) -> None:
        function, arguments = self.take(2)
        path = expect(function, Name).path
        if path not in BUILDERS:
            raise UnsafePickle(f"calls {path}")
        self.push(BUILDERS[path](*expect(arguments, tuple)))

    def build(self) -> None:
        state, target = expect(self.pop(), tuple), self.stack[-1]
        if isinstance(target, DType):
            target.order = state[1]
        else:
            require(expect(target, Array).content is None, "an array is filled twice")
            _, shape, dtype, fortran, content = state
            fill(target, shape, dtype, expect(fortran, int), content)

    def persist(self) -> None:
        kind, dtype, key, _, length, *view = expect(self.pop(), tuple)
        require(kind == "storage" and view in ([], [None]), "a storage is of another kind")
        storage = Storage(CLASSES[expect(dtype, Name).path], expect(key, str), count(length))
        require(self.storages.setdefault(key, storage) == storage, "a storage is described in two ways")
        self.push(storage)


_VALUES = ("INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING "
           "UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 "
           "BYTEARRAY8")  # fmt: skip
_STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    **dict.fromkeys(_VALUES.split(), _Machine.push),
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.memorise),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.take_marked(),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "LIST": lambda machine, _: machine.push(machine.take_marked()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.take_marked())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "DICT": lambda machine, _: machine.make_dict(machine.take_marked()),
    "APPEND": lambda machine, _: machine.extend(machine.take(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.take_marked()),
    "SETITEM": lambda machine, _: machine.update(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.update(machine.take_marked()),
    "GLOBAL": lambda machine, path: machine.name(path.replace(" ", ".")),
    "STACK_GLOBAL": lambda machine, _: machine.name(".".join(machine.take(2))),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.persist(),
}
