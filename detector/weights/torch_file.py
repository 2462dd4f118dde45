"""Read a file of `torch.save` without torch: tensors as arrays, plain containers, records.

The file is a zip archive of a pickle and the bytes of each tensor. The sizes in the pickle are
compared with those of the file before memory is allocated.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from detector.weights.unpickler import Maker, Name, Unreadable, read_pickle

PICKLE_BYTES = 16 << 20  # at most; yolov7's has 0.2 MB
MAX_DIMENSIONS = 8
DTYPES = {  # of the bytes in the file
    "Byte": np.uint8,
    "Int": np.int32,
    "Long": np.int64,
    "Half": np.float16,
    "BFloat16": np.uint16,  # NumPy has no such numbers: they become float32
    "Float": np.float32,
    "Double": np.float64,
}
STORAGES = {
    f"{module}.{name}Storage": name for module in ("torch", "torch.cuda") for name in DTYPES
}
RECORDS = {
    *(f"models.yolo.{name}" for name in ("Model", "Detect", "IDetect", "IAuxDetect")),
    *(f"models.common.{name}" for name in ("Conv", "RepConv", "SPPCSPC", "DownC", "ReOrg")),
    *(f"models.common.{name}" for name in ("Concat", "Shortcut", "MP", "SP")),
    *(f"models.common.{name}" for name in ("ImplicitA", "ImplicitM")),
    *(f"torch.nn.modules.container.{name}" for name in ("Sequential", "ModuleList")),
    *(f"torch.nn.modules.activation.{name}" for name in ("SiLU", "LeakyReLU")),
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.linear.Identity",
    "torch.nn.modules.pooling.MaxPool2d",
    "torch.nn.modules.upsampling.Upsample",
    # a training stores its best fitness as an array
    *(f"{module}.multiarray._reconstruct" for module in ("numpy.core", "numpy._core")),
    *(f"{module}.multiarray.scalar" for module in ("numpy.core", "numpy._core")),
    "numpy.ndarray",
    "numpy.dtype",
    "_codecs.encode",
}


def read_torch_file(path: Path) -> Any:
    """Return the content of the file: read-only arrays, containers, `Record`s of modules.

    Tensors that shared memory when they were saved share it again. Raises Unreadable for any other
    file, and for one that names anything else (see unpickler).
    """
    try:
        if not zipfile.is_zipfile(path):  # may raise too
            _refuse_other(path)
        with zipfile.ZipFile(path) as archive:
            return _Contents(archive, path.stat().st_size).load()
    except (
        zipfile.BadZipFile,
        ValueError,
        EOFError,
        NotImplementedError,
        struct.error,
        OSError,
    ) as error:
        raise Unreadable(f"it is not a zip archive, or it is damaged: {error}") from error


def _refuse_other(path: Path) -> NoReturn:
    """Raise Unreadable for a file that is not a zip archive; for a pickle, with a name in it."""
    with path.open("rb") as file:
        beginning = file.read(PICKLE_BYTES)
    if beginning.startswith(b"\x80"):  # every pickle since protocol 2
        read_pickle(beginning, makers={}, records=(), persistent=lambda _: None)
    raise Unreadable(
        "it is not a complete zip archive, as `torch.save` writes them since torch 1.6"
    )


class _Storage(NamedTuple):
    """The numbers that tensors are views of, and the name of their type in torch."""

    kind: str
    numbers: NDArray[Any]


class _Contents:
    """The checked archive, and the storages read from it so far."""

    def __init__(self, archive: zipfile.ZipFile, size_bytes: int) -> None:
        self._archive = archive
        self._entries = {entry.filename: entry for entry in archive.infolist()}
        _refuse_torchscript(self._entries)
        _check_entries(archive.infolist(), size_bytes)
        self._folder = self._find_folder()
        self._storages: dict[str, _Storage] = {}

    def load(self) -> Any:
        if self._entries[f"{self._folder}/data.pkl"].file_size > PICKLE_BYTES:
            raise Unreadable(f"its pickle has more than {PICKLE_BYTES >> 20} MB")
        if self._read("byteorder", b"little") != b"little":
            raise Unreadable("its numbers are big-endian, which no official checkpoint is")
        makers: dict[str, Maker] = {
            "collections.OrderedDict": _ordered_dict,
            "builtins.set": _set,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch._utils._rebuild_parameter": _parameter,
            **dict.fromkeys(STORAGES, _never),
        }
        return read_pickle(
            self._read("data.pkl"), makers=makers, records=RECORDS, persistent=self._storage
        )

    def _find_folder(self) -> str:
        names = [name.split("/") for name in self._entries]
        folders = [parts[0] for parts in names if len(parts) == 2 and parts[1] == "data.pkl"]
        if len(folders) != 1:
            raise Unreadable(f"it has {len(folders)} pickles of torch.save instead of one")
        return folders[0]

    def _read(self, name: str, default: bytes | None = None) -> bytes:
        full_name = f"{self._folder}/{name}"
        if full_name not in self._entries and default is not None:
            return default
        return self._archive.read(full_name)

    def _storage(self, persistent_id: Any) -> _Storage:
        """Return one storage; it is read once."""
        kind, name, key, _device, count = persistent_id
        if kind != "storage" or not isinstance(name, Name) or not isinstance(key, str):
            raise ValueError("persistent id")
        if type(count) is not int:
            raise TypeError("count")
        stored_kind = STORAGES[name.dotted]
        if key not in self._storages:
            numbers = self._numbers(f"{self._folder}/data/{key}", stored_kind, count)
            self._storages[key] = _Storage(stored_kind, numbers)
        storage = self._storages[key]
        if storage.kind != stored_kind or len(storage.numbers) != count:
            raise Unreadable(f"storage {key!r} is described in two ways")
        return storage

    def _numbers(self, full_name: str, kind: str, count: int) -> NDArray[Any]:
        entry, dtype = self._entries[full_name], np.dtype(DTYPES[kind])
        if count * dtype.itemsize != entry.file_size:
            raise Unreadable(
                f"storage {full_name!r} has {entry.file_size} bytes, but {count} numbers of "
                f"{dtype.itemsize} bytes are claimed"
            )
        numbers = np.frombuffer(self._archive.read(entry), dtype.newbyteorder("<"))
        return _widened(numbers) if kind == "BFloat16" else numbers


def _widened(numbers: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return numbers of type bfloat16, the upper halves of float32, as float32."""
    wide: NDArray[np.float32] = (numbers.astype(np.uint32) << 16).view(np.float32)
    return wide


def _refuse_torchscript(names: Iterable[str]) -> None:
    parts = [name.split("/") for name in names]
    if any(len(each) > 1 and each[1] in ("code", "constants.pkl") for each in parts):
        raise Unreadable("it is a TorchScript program; give the checkpoint it was exported from")


def _check_entries(entries: list[zipfile.ZipInfo], size_bytes: int) -> None:
    """Raise Unreadable unless the entries are like torch's: uncompressed, with distinct names."""
    if len({entry.filename for entry in entries}) != len(entries):
        raise Unreadable("two entries of the zip archive have one name")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise Unreadable("entries of the zip archive are compressed or encrypted")
    if sum(entry.file_size for entry in entries) > size_bytes:
        raise Unreadable("the zip archive claims more bytes than it has")


def _ordered_dict(items: Any = ()) -> dict[str, Any]:
    return {key: value for key, value in items if isinstance(key, str)}


def _set(items: Any = ()) -> set[str]:
    return {item for item in items if isinstance(item, str)}


def _parameter(tensor: Any, _requires_grad: Any, _hooks: Any) -> NDArray[Any]:
    if not isinstance(tensor, np.ndarray):
        raise TypeError(tensor)
    return tensor


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> NDArray[Any]:
    """Return a view of a storage, inside its bounds and without repeated numbers."""
    if not isinstance(storage, _Storage) or len(size) != len(stride) or len(size) > MAX_DIMENSIONS:
        raise TypeError(storage)
    if any(type(number) is not int or number < 0 for number in (offset, *size, *stride)):
        raise ValueError(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count, numbers = math.prod(size), storage.numbers
    if count > len(numbers) or (count and last >= len(numbers)):
        raise Unreadable(f"a tensor of {size} is claimed in {len(numbers)} numbers")
    if not count:
        return np.empty(size, numbers.dtype)
    steps = [step * numbers.itemsize for step in stride]
    return as_strided(numbers[offset:], size, steps, writeable=False)


def _never(*_: Any) -> None:
    raise TypeError("storages appear in persistent ids, and are not called")
