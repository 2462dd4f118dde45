"""A pickle is read as data: its values are returned, and the names in it are never run."""

from __future__ import annotations

import builtins
import importlib
import operator
import os
import pickle
import re
import runpy
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.weights.unpickler import Record, Unreadable, read_pickle

MAKERS: dict[str, Callable[..., Any]] = {"collections.OrderedDict": dict}
RECORDS = {"models.yolo.Model"}
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inside: (
        st.lists(inside)
        | st.dictionaries(st.text() | st.integers(-9, 9), inside)
        | st.lists(inside, max_size=5).map(tuple)
    ),
)


def read(data: bytes) -> Any:
    return read_pickle(data, makers=MAKERS, records=RECORDS, persistent=lambda key: ("id", key))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@settings(deadline=None, max_examples=40)
@given(value=PLAIN)
def test_plain_values_are_read_as_python_reads_them(protocol: int, value: object) -> None:
    data = pickle.dumps(value, protocol)
    assert read(data) == pickle.loads(data)


def test_one_list_in_two_places_is_still_one_list() -> None:
    shared = ["a"]
    first, second = read(pickle.dumps((shared, shared), 2))
    assert first is second


def test_a_set_is_read() -> None:
    assert read(pickle.dumps({"a", "b", 3}, 4)) == {"a", "b", 3}


def test_an_object_of_a_known_class_is_a_record_of_its_state() -> None:
    record = read(b"\x80\x02cmodels.yolo\nModel\n)\x81}U\x02ncK\x05sb.")
    assert isinstance(record, Record)
    assert (record.kind, record.state) == ("models.yolo.Model", {"nc": 5})


def test_a_persistent_id_is_resolved_by_the_callers_function() -> None:
    assert read(b"\x80\x02U\x04seenQ.") == ("id", "seen")


class Call:
    """Pickles as a call of a callable, which may be the result of another call, as in attacks."""

    def __init__(self, callee: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = (callee, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced

    def __call__(self) -> None:
        """Make instances callable: `pickle.dumps` requires it."""


def code(marker: Path) -> str:
    return f"open({str(marker)!r}, 'w').close()"


ATTACKS: dict[
    str, tuple[str, Callable[[Path], Any]]
] = {  # the first name in the pickle, and the attack
    "os.system": ("posix.system", lambda m: Call(os.system, f"touch '{m}'")),
    "eval": ("builtins.eval", lambda m: Call(builtins.eval, code(m))),
    "exec": ("builtins.exec", lambda m: Call(builtins.exec, code(m))),
    "subprocess": (
        "(subprocess|commands).check_call",  # the second is its module in Python 2
        lambda m: Call(subprocess.check_call, ["touch", str(m)]),
    ),
    "runpy": ("runpy._run_code", lambda m: Call(runpy._run_code, code(m), {})),  # type: ignore[attr-defined]
    "a chain": (
        "builtins.getattr",
        lambda m: Call(
            Call(getattr, Call(importlib.import_module, "os"), "system"),
            f"touch '{m}'",
        ),
    ),
    "a method": ("operator.methodcaller", lambda m: Call(operator.methodcaller("touch"), m)),
    "a lazy call": ("builtins.list", lambda m: Call(list, Call(map, builtins.exec, [code(m)]))),
    "a known class, as a disguise": (
        "builtins.exec",
        lambda m: OrderedDict(weights=Call(builtins.exec, code(m))),
    ),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_that_works_on_python_is_refused_by_name_and_does_nothing(
    attack: str, protocol: int, tmp_path: Path
) -> None:
    marker, (name, payload) = tmp_path / "marker", ATTACKS[attack]
    data = pickle.dumps({"model": payload(marker)}, protocol)
    with pytest.raises(Unreadable, match=f"^it names '{name}', which no checkpoint needs"):
        read(data)
    assert not marker.exists()
    pickle.loads(data)
    assert marker.exists(), "the attack does not work"


BY_HAND = {  # pickles that Python would not write, and the expected error
    "an instance": (b"(S'true'\nios\nsystem\n.", "it names 'os.system'"),
    "text with strange escapes": (b"(S'\\d'\nios\nsystem\n.", "it names 'os.system'"),
    "a dotted name": (
        b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
        "it names 'collections.OrderedDict.__init__'",
    ),
    "a name of numbers": (b"\x80\x04K\x01K\x02\x93.", "damaged"),
    "an extension": (b"\x80\x02\x82\x01.", "uses EXT1"),
    "text that is called": (b"\x80\x02U\x06system)R.", "damaged"),
    "a class that is given state": (b"\x80\x02cmodels.yolo\nModel\n}b.", "damaged"),
    "a container that is given state": (b"\x80\x02]}b.", "damaged"),
    "a list as a key": (b"\x80\x02}]Ns.", "damaged"),
    "a made object that is called": (b"\x80\x02cmodels.yolo\nModel\n)\x81)R.", "damaged"),
    "nothing": (b"", "damaged"),
    "no end": (b"\x80\x02N", "damaged"),
    "an empty stack": (b"\x80\x02.", "damaged"),
    "a value from below the stack": (b"\x80\x02K\x01\x86.", "damaged"),
    "a memo that was never made": (b"\x80\x02h\x07.", "damaged"),
    "truncated text": (b"\x80\x02X\xff\xff\xff\x7fab", "damaged"),
    "a buffer of 8 exabytes": (b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f.", "damaged"),
    "a number of two gigabytes": (b"\x80\x02\x8b\xff\xff\xff\x7f.", "damaged"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_a_malformed_pickle_is_refused(case: str) -> None:
    data, message = BY_HAND[case]
    with pytest.raises(Unreadable, match=re.escape(message)):
        read(data)


@settings(deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(Unreadable):
        read(b"\x80\x02" + data + b".")


def test_a_large_index_in_the_memo_allocates_nothing() -> None:
    assert read(b"\x80\x02Nr\xfe\xff\xff\x7f.") is None


@pytest.mark.parametrize("nested", [b"]" * 100_000 + b"a" * 99_999, b"N" + b"\x85" * 100_000])
def test_deep_nesting_does_not_overflow_the_stack(nested: bytes) -> None:
    assert isinstance(read(b"\x80\x02" + nested + b"."), (list, tuple))
    with pytest.raises(Unreadable):
        read(b"\x80\x02}" + nested + b"Ns.")  # Python would hash it, and overflow its stack
