"""Files of labels are read within limits, and nothing outside their folder or zip."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.formats import read_labels
from detector.labels.label_files import LabelFiles


def zipped(path: Path, **files: bytes) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../a.xml", "/etc/a.xml", "a/../../b.xml", "..\\a.xml", "C:\\a.xml"]
)
def test_a_zip_that_names_files_outside_is_refused(name: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{name: b"<annotations/>"})
    with pytest.raises(UsageError, match="outside the zip"):
        read_labels(path, Findings())
    assert list(tmp_path.iterdir()) == [path]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"annotations.xml": b" " * (1 << 25)})
    assert path.stat().st_size < 100_000
    with pytest.raises(UsageError, match="more than 200 to 1 is refused"):
        read_labels(path, Findings())


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut off", b"<annotations/>"])
def test_a_file_that_only_is_called_zip_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="not a zip that can be read"):
        read_labels(path, Findings())


def test_a_damaged_file_in_a_zip_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"annotations.xml": bytes(range(256)) * 40})
    data = bytearray(path.read_bytes())
    data[60:80] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"a\.zip/annotations\.xml: cannot be unpacked"):
        read_labels(path, Findings())


def test_a_missing_path_and_a_folder_without_labels_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        read_labels(tmp_path / "none.xml", Findings())
    with pytest.raises(UsageError, match="no labels there: an XML of CVAT"):
        read_labels(tmp_path, Findings())


def test_hidden_files_are_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/a.xml").write_text("")
    (tmp_path / "b.xml").write_text("")
    with LabelFiles(tmp_path) as files:
        assert files.names == ["b.xml"]
