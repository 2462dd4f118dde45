"""Files of `torch.save` are read as torch reads them; the sizes in them are checked."""

from __future__ import annotations

import io
import pickle
import resource
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.weights.torch_file import read_torch_file
from detector.weights.unpickler import Unreadable
from tests.detector.weights.test_unpickler import ATTACKS, code

NAME = "archive"
HALVES = "ctorch\nHalfStorage\n"


def saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def archive(path: Path, entries: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip with these entries in the folder that torch uses."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in entries.items():
            file.writestr(f"{NAME}/{name}", content)
    return path


def tensor(*, count: int, size: str, stride: str, offset: int = 0) -> bytes:
    """Return the pickle of a half-precision tensor over storage 0, with these claims."""
    return (
        "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
        f"(X\x07\0\0\0storage{HALVES}X\x01\0\0\x000X\x03\0\0\0cpuL{count}L\ntQ"
        f"L{offset}L\n({size}t({stride}t\x89ccollections\nOrderedDict\n)RtR."
    ).encode("latin-1")


def numbers(*values: int) -> str:
    return "".join(f"L{value}L\n" for value in values)


CONTENTS: dict[str, Any] = {
    "numbers": {"epoch": 3, "fitness": 0.5, "names": ["a", "b"], "done": None, "size": (1, 2)},
    "every dtype": [
        torch.arange(6, dtype=dtype).view(2, 3)
        for dtype in (torch.half, torch.bfloat16, torch.float, torch.double, torch.int, torch.long)
    ],
    "no number": torch.zeros(0, 3),
    "one number": torch.tensor(7),
    "turned": torch.arange(6.0).view(2, 3).T,
    "a part": torch.arange(100.0)[10:20:3],
    "a parameter": torch.nn.Parameter(torch.ones(2, 2)),
    "in order": OrderedDict(a=torch.ones(1), b=torch.ones(2)),
}


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, torch.Tensor):
        if theirs.dtype == torch.bfloat16:
            theirs = theirs.float()  # NumPy has no such numbers
        array = theirs.detach().numpy()
        return ours.dtype == array.dtype and np.array_equal(ours, array)
    if isinstance(theirs, Mapping):
        return list(ours) == list(theirs) and all(same(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


@pytest.mark.parametrize("case", CONTENTS)
def test_saved_content_is_read_as_torch_loads_it(case: str, tmp_path: Path) -> None:
    path = saved(CONTENTS[case], tmp_path / "x.pt")
    assert same(read_torch_file(path), torch.load(path, weights_only=True))


def test_tensors_that_shared_memory_share_it_again(tmp_path: Path) -> None:
    whole = torch.zeros(4)
    ours = read_torch_file(saved([whole, whole[1:]], tmp_path / "x.pt"))
    assert np.shares_memory(*ours) and not ours[0].flags.writeable


def test_a_numpy_array_is_a_record_and_is_not_built(tmp_path: Path) -> None:
    path = saved({"best_fitness": np.array([0.5]), "last": np.float64(0.5)}, tmp_path / "x.pt")
    kinds = {record.kind.rpartition(".")[2] for record in read_torch_file(path).values()}
    assert kinds == {"_reconstruct", "scalar"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_in_a_checkpoint_is_refused_by_name_and_does_nothing(
    attack: str, tmp_path: Path
) -> None:
    marker, (name, payload) = tmp_path / "marker", ATTACKS[attack]
    path = saved({"epoch": 1, "model": payload(marker)}, tmp_path / "x.pt")
    with pytest.raises(Unreadable, match=f"^it names '{name}', which no checkpoint needs"):
        read_torch_file(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the attack does not work"


def hostile(marker: Path) -> bytes:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, (code(marker),)

    return pickle.dumps(Hostile(), 2)


def test_an_attack_in_a_bare_pickle_is_refused_by_name(tmp_path: Path) -> None:
    path, marker = tmp_path / "x.pt", tmp_path / "marker"
    path.write_bytes(hostile(marker))
    with pytest.raises(Unreadable, match=r"it names 'builtins\.exec'"):
        read_torch_file(path)
    assert not marker.exists()


def zipped(entries: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as inner:
        for name, content in entries.items():
            inner.writestr(name, content)
    return file.getvalue()


def test_a_zip_within_a_zip_is_never_opened(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    inner = zipped({"archive/data.pkl": hostile(marker)})
    with pytest.raises(Unreadable, match="its pickle"):
        read_torch_file(archive(tmp_path / "a.pt", {"data.pkl": inner}))
    good = tensor(count=2, size=numbers(2), stride=numbers(1))
    entries = {"data.pkl": good, "data/0": b"\0\x3c\0\x40", "data/1": inner, "more.pt": inner}
    assert read_torch_file(archive(tmp_path / "b.pt", entries)).tolist() == [1, 2]
    assert not marker.exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "has 0 pickles"),
        ({"inner/archive/data.pkl": b"\x80\x02N."}, "has 0 pickles"),
        ({"data.pkl": b"\x80\x02N.", "../other/data.pkl": b"\x80\x02N."}, ""),
        ({"data.pkl": b"\x80\x02N.", "code/__torch__.py": b"import os"}, "TorchScript"),
        ({"data.pkl": b"\x80\x02N.", "byteorder": b"big"}, "big-endian"),
        ({"data.pkl": b"\x80\x02" + b"N0" * (9 << 20) + b"N."}, "more than 16 MB"),
    ],
)
def test_an_archive_that_torch_did_not_write_is_refused(
    entries: Mapping[str, bytes], message: str, tmp_path: Path
) -> None:
    path = archive(tmp_path / "x.pt", entries)
    if message:
        with pytest.raises(Unreadable, match=message):
            read_torch_file(path)
    else:
        assert read_torch_file(path) is None  # a path in a zip is only a name to us


def test_two_pickles_in_one_archive_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.pt", {"data.pkl": b"\x80\x02N."})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("second/data.pkl", hostile(tmp_path / "marker"))
    with pytest.raises(Unreadable, match="has 2 pickles"):
        read_torch_file(path)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.pt", {"data.pkl": b"\x80\x02N."})
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(f"{NAME}/data.pkl", hostile(tmp_path / "marker"))
    with pytest.raises(Unreadable, match="two entries"):
        read_torch_file(path)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


GIGA = 1 << 30


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"count": 4 * GIGA, "size": numbers(2), "stride": numbers(1)}, "4 bytes, but 4294967296"),
        ({"count": -1, "size": numbers(2), "stride": numbers(1)}, "4 bytes, but -1"),
        ({"count": 2, "size": numbers(4 * GIGA), "stride": numbers(1)}, "claimed in 2 numbers"),
        ({"count": 2, "size": numbers(4 * GIGA), "stride": numbers(0)}, "claimed in 2 numbers"),
        ({"count": 2, "size": numbers(2), "stride": numbers(GIGA)}, "claimed in 2 numbers"),
        ({"count": 2, "size": numbers(1), "stride": numbers(1), "offset": 2}, "claimed in 2"),
        ({"count": 2, "size": numbers(1), "stride": numbers(1), "offset": -1}, "damaged"),
        ({"count": 2, "size": numbers(-2), "stride": numbers(1)}, "damaged"),
        ({"count": 2, "size": numbers(2), "stride": numbers(-1)}, "damaged"),
        ({"count": 2, "size": numbers(2), "stride": ""}, "damaged"),
        ({"count": 2, "size": numbers(*[1] * 99), "stride": numbers(*[1] * 99)}, "damaged"),
        ({"count": 2, "size": "]", "stride": numbers(1)}, "damaged"),
    ],
)
def test_a_huge_tensor_is_refused_before_memory_is_allocated(
    claims: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = archive(tmp_path / "x.pt", {"data.pkl": tensor(**claims), "data/0": bytes(4)})
    before = peak_megabytes()
    with pytest.raises(Unreadable, match=message):
        read_torch_file(path)
    assert peak_megabytes() - before < 50


def test_a_huge_entry_in_a_small_file_is_refused_before_memory_is_allocated(
    tmp_path: Path,
) -> None:
    count = GIGA // 16
    entries = {"data.pkl": tensor(count=count, size=numbers(1), stride=numbers(1))}
    path = archive(tmp_path / "x.pt", {**entries, "data/0": bytes(2 * count)}, zipfile.ZIP_DEFLATED)
    before = peak_megabytes()
    with pytest.raises(Unreadable, match="compressed"):
        read_torch_file(path)
    raw = bytearray(archive(tmp_path / "y.pt", {**entries, "data/0": bytes(4)}).read_bytes())
    second = raw.rindex(b"PK\x01\x02")  # the directory's entry of data/0: its two sizes
    raw[second + 20 : second + 28] = (2 * count).to_bytes(4, "little") * 2
    (tmp_path / "y.pt").write_bytes(raw)
    with pytest.raises(Unreadable, match="more bytes than it has"):
        read_torch_file(tmp_path / "y.pt")
    assert peak_megabytes() - before < 50


def test_one_storage_is_not_read_as_two(tmp_path: Path) -> None:
    one = tensor(count=2, size=numbers(1), stride=numbers(1))[2:-1]
    other = one.replace(b"HalfStorage", b"ShortStorage").replace(b"Short", b"Byte")
    data = b"\x80\x02" + one + other.replace(b"L2L", b"L4L", 1) + b"\x86."
    path = archive(tmp_path / "x.pt", {"data.pkl": data, "data/0": bytes(4)})
    with pytest.raises(Unreadable, match="described in two ways"):
        read_torch_file(path)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x05\x06" + bytes(17)])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="zip archive"):
        read_torch_file(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch warns about the old format
def test_a_file_of_an_old_torch_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(Unreadable, match=r"since torch 1\.6"):
        read_torch_file(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete file of torch, in a folder for damaged copies."""
    return saved({"a": torch.arange(4.0), "b": [1, "x"]}, tmp_path_factory.mktemp("s") / "x.pt")


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(small: Path, data: st.DataObject) -> None:
    raw, other = bytearray(small.read_bytes()), small.with_name("damaged.pt")
    if data.draw(st.booleans(), label="truncated"):
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    for index in data.draw(st.lists(st.integers(0, len(raw)), max_size=4)):
        raw[index : index + 1] = data.draw(st.binary(min_size=1, max_size=1))
    other.write_bytes(raw)
    with suppress(Unreadable):
        read_torch_file(other)
