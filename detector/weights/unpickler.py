"""A pickle read as data: what it names is looked up in a table of ours and never imported.

Python's own unpickler imports whatever a file names and calls it. Here the opcodes (as the standard
library's pickletools documents them) are followed on a stack of our own, where a class or function
is no more than a `Name`: there is nothing on it that could be run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from io import BytesIO
from pickletools import genops
from typing import Any

Maker = Callable[..., Any]
MODULES = {"__builtin__": "builtins"}  # protocol 2 has the names of Python 2


class Unreadable(Exception):
    """A file that cannot, or must not, be read: the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function, as a pickle names it: only the words."""

    dotted: str


@dataclass(slots=True, eq=False)
class Record:
    """An object whose class was not loaded: the name of its class, and its pickled state."""

    kind: str
    state: Any = None


def read_pickle(
    data: bytes,
    *,
    makers: Mapping[str, Maker],
    records: Container[str],
    persistent: Callable[[Any], Any],
) -> Any:
    """Return what a pickle describes: numbers, text, plain containers, records, what makers make.

    makers: dotted name -> what is called with the arguments that the pickle gives to that name
    records: dotted names of classes whose objects become a `Record`; their arguments are ignored
    persistent: gets a persistent id, and returns the object that it stands for
    Raises Unreadable for any other name, before anything is made of it, and for a damaged pickle.
    """
    machine = _Machine(makers, records, persistent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # text with strange escapes: the file's business
            for opcode, argument, _position in genops(BytesIO(data)):
                machine.obey(opcode.name, argument)
        return machine.result()
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise Unreadable(f"its pickle is damaged ({type(error).__name__})") from error


class _Machine:
    """A stack, a memo, and what the opcodes do to them."""

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

    def obey(self, opcode: str, argument: Any) -> None:
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

    def memorise(self, place: Any = None) -> None:
        self._memo[len(self._memo) if place is None else place] = self._stack[-1]

    def recall(self, place: int) -> None:
        self.push(self._memo[place])

    def name(self, words: list[str]) -> None:
        module, name = words
        dotted = f"{MODULES.get(module, module)}.{name}"
        if dotted not in self._makers and dotted not in self._records:
            raise Unreadable(
                f"it names {dotted[:200]!r}, which no checkpoint needs. Nothing of it was run: "
                "do not open this file with anything else"
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
    """Return the value if it is of that kind; to hash any other might recurse without end."""
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
