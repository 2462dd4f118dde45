"""Read a pickle as data: the names in it are looked up in our own table, never imported.

Python's unpickler imports and calls whatever a file names. Here the opcodes (documented in the
standard library's pickletools) work on our own stack, where a class or function is only a `Name`:
nothing in the file can be run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from io import BytesIO
from pickletools import genops
from typing import Any

Maker = Callable[..., Any]
MODULES = {"__builtin__": "builtins"}  # protocol 2 uses the names of Python 2


class Unreadable(Exception):
    """A file that cannot, or must not, be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Name:
    """The dotted name of a class or function in a pickle."""

    dotted: str


@dataclass(slots=True, eq=False)
class Record:
    """An object whose class is not loaded: the name of the class, and the pickled state."""

    kind: str
    state: Any = None


def read_pickle(
    data: bytes,
    *,
    makers: Mapping[str, Maker],
    records: Container[str],
    persistent: Callable[[Any], Any],
) -> Any:
    """Return the content of a pickle: numbers, text, plain containers, records, results of makers.

    makers: dotted name -> function to call with the arguments that the pickle has for that name
    records: dotted names of classes whose objects become a `Record`; their arguments are ignored
    persistent: takes a persistent id, and returns its object
    Raises Unreadable for any other name, before it is used, and for a damaged pickle.
    """
    machine = _Machine(makers, records, persistent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the file's strings
            for opcode, argument, _position in genops(BytesIO(data)):
                machine.run(opcode.name, argument)
        return machine.result()
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise Unreadable(f"its pickle is damaged ({type(error).__name__})") from error


class _Machine:
    """The stack, the memo, and the operations of the opcodes."""

    def __init__(
        self,
        makers: Mapping[str, Maker],
        records: Container[str],
        persistent: Callable[[Any], Any],
    ) -> None:
        self._makers, self._records, self._persistent = makers, records, persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []  # heights of the stack
        self._memo: dict[int, Any] = {}

    def run(self, opcode: str, argument: Any) -> None:
        if opcode not in _ACTIONS:
            raise Unreadable(f"its pickle uses {opcode}, which no checkpoint needs")
        _ACTIONS[opcode](self, argument)

    def result(self) -> Any:
        (value,) = self._stack
        return value

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def mark(self) -> None:
        self._marks.append(len(self._stack))

    def last(self, count: int) -> list[Any]:
        return self._taken_from(len(self._stack) - count)

    def marked(self) -> list[Any]:
        return self._taken_from(self._marks.pop())

    def _taken_from(self, height: int) -> list[Any]:
        if not 0 <= height <= len(self._stack):
            raise IndexError(height)
        taken = self._stack[height:]
        del self._stack[height:]
        return taken

    def memorise(self, index: Any = None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def recall(self, index: int) -> None:
        self.push(self._memo[index])

    def name(self, words: list[str]) -> None:
        module, name = words
        dotted = f"{MODULES.get(module, module)}.{name}"
        if dotted not in self._makers and dotted not in self._records:
            raise Unreadable(
                f"it names {dotted[:200]!r}, which no checkpoint needs. Nothing in it was run: "
                "do not open this file with another program"
            )
        self.push(Name(dotted))

    def instance(self, words: list[str]) -> None:
        arguments = tuple(self.marked())
        self.name(words)
        self.push(arguments)
        self.call()

    def call(self) -> None:
        callee, arguments = self.last(2)
        self.push(self._made(_expect(Name, callee).dotted, _expect(tuple, arguments)))

    def _made(self, dotted: str, arguments: tuple[Any, ...]) -> Any:
        return Record(dotted) if dotted in self._records else self._makers[dotted](*arguments)

    def build(self) -> None:
        (state,) = self.last(1)
        if not isinstance(self._stack[-1], dict):  # a dictionary's attributes are not needed
            _expect(Record, self._stack[-1]).state = state

    def load_persistent(self) -> None:
        self.push(self._persistent(self._stack.pop()))

    def append(self, items: list[Any]) -> None:
        _expect(list, self._stack[-1]).extend(items)

    def add(self, items: list[Any]) -> None:
        _expect(set, self._stack[-1]).update(_expect((str, int), item) for item in items)

    def set_items(self, flat: list[Any]) -> None:
        target = _expect(dict, self._stack[-1])
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            target[_expect((str, int), key)] = value


def _expect(kind: type | tuple[type, ...], value: Any) -> Any:
    """Return the value if it has that type; hashing another might recurse endlessly."""
    if not isinstance(value, kind):
        raise TypeError(kind)
    return value


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "INT", "LONG"), _Machine.push),
    **dict.fromkeys(("BINFLOAT", "FLOAT", "STRING", "BINSTRING"), _Machine.push),
    **dict.fromkeys(("SHORT_BINSTRING", "SHORT_BINBYTES", "BINBYTES"), _Machine.push),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE"), _Machine.push),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_SET": lambda machine, _: machine.push(set()),
    "MARK": lambda machine, _: machine.mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.marked())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.last(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.last(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.last(3))),
    "APPEND": lambda machine, _: machine.append(machine.last(1)),
    "APPENDS": lambda machine, _: machine.append(machine.marked()),
    "SETITEM": lambda machine, _: machine.set_items(machine.last(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.marked()),
    "ADDITEMS": lambda machine, _: machine.add(machine.marked()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.memorise),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "GLOBAL": lambda machine, words: machine.name(words.split(" ")),
    "INST": lambda machine, words: machine.instance(words.split(" ")),
    "STACK_GLOBAL": lambda machine, _: machine.name([_expect(str, w) for w in machine.last(2)]),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.load_persistent(),
}
