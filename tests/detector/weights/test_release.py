"""A released name is always the same file: downloaded once, and refused if it changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from detector.errors import DownloadError, ModelError, UsageError
from detector.weights.release import RELEASED, released_weights
from tests.support.paths import ROOT
from tests.support.release_server import Fault, Release, serving

CAP = 60  # seconds


def checkpoint(content: bytes) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return file.getvalue()


CONTENT, OTHER = checkpoint(b"first" * 9000), checkpoint(b"other" * 9000)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    """A release on loopback, and an empty cache."""
    with serving() as release:
        release.files = {f"/{name}.pt": CONTENT for name in RELEASED}
        monkeypatch.setenv("FRAMELANE_RELEASE_URL", release.url + "/")
        monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
        yield release


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The path of the file in the cache."""
    return tmp_path / "cache" / "weights" / "yolov7-tiny.pt"


def names_beside(weights: Path) -> set[str]:
    return {entry.name for entry in weights.parent.iterdir()}


def test_a_file_is_downloaded_once_and_then_cached(
    release: Release, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert released_weights("yolov7-tiny") == weights
    assert weights.read_bytes() == CONTENT
    assert capsys.readouterr().err == (
        f"downloading {release.url}/yolov7-tiny.pt\n"
        f"{weights} is under GPL-3.0, the licence of its authors\n"
    )
    assert released_weights("yolov7-tiny") == weights
    assert release.requests == [("/yolov7-tiny.pt", None)]
    assert capsys.readouterr().err == ""


def test_its_hash_is_recorded_in_the_format_of_sha256sum(release: Release, weights: Path) -> None:
    released_weights("yolov7-tiny")
    record = weights.with_name("yolov7-tiny.pt.sha256")
    assert record.read_text() == f"{sha256(CONTENT).hexdigest()}  yolov7-tiny.pt\n"
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", record.name], cwd=weights.parent, check=True)
    assert names_beside(weights) == {weights.name, record.name, "yolov7-tiny.lock"}


def test_a_file_that_changed_in_the_cache_is_refused(release: Release, weights: Path) -> None:
    released_weights("yolov7-tiny")
    weights.write_bytes(OTHER)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"is not the file that was downloaded .*delete it"):
            released_weights("yolov7-tiny")
    weights.unlink()
    assert released_weights("yolov7-tiny").read_bytes() == CONTENT


def test_a_file_that_changed_on_the_server_is_refused_until_its_record_is_deleted(
    release: Release, weights: Path
) -> None:
    released_weights("yolov7-tiny")
    weights.unlink()
    release.files["/yolov7-tiny.pt"] = OTHER
    expected = f"is {sha256(OTHER).hexdigest()}, but '.*' has {sha256(CONTENT).hexdigest()}"
    with pytest.raises(DownloadError, match=f"is another file than the first time: .*{expected}"):
        released_weights("yolov7-tiny")
    assert weights.name not in names_beside(weights)
    weights.with_name("yolov7-tiny.pt.sha256").unlink()
    assert released_weights("yolov7-tiny").read_bytes() == OTHER


@pytest.mark.parametrize("content", [b"<html>sign in</html>", CONTENT[:-30], b""])
def test_a_file_that_is_not_a_checkpoint_is_not_kept(
    content: bytes, release: Release, weights: Path
) -> None:
    release.files["/yolov7-tiny.pt"] = content
    with pytest.raises(DownloadError, match="is not a checkpoint, or not a complete one"):
        released_weights("yolov7-tiny")
    assert names_beside(weights) == {"yolov7-tiny.lock"}
    release.files["/yolov7-tiny.pt"] = CONTENT
    assert released_weights("yolov7-tiny").read_bytes() == CONTENT


def test_a_length_that_is_too_small_is_detected(release: Release) -> None:
    release.faults.append(Fault(claim=-30))
    with pytest.raises(DownloadError, match="is not a checkpoint, or not a complete one"):
        released_weights("yolov7-tiny")


def test_a_broken_download_is_continued_by_the_next_start(release: Release, weights: Path) -> None:
    release.faults.extend([Fault(stop_after=20_000), Fault(status=503), Fault(status=503)])
    with pytest.raises(DownloadError, match=r"503.*\(0\.0 MB are kept, the next start continues"):
        released_weights("yolov7-tiny")
    assert not weights.exists()
    assert released_weights("yolov7-tiny").read_bytes() == CONTENT
    assert release.requests[-1] == ("/yolov7-tiny.pt", "bytes=20000-")


def test_without_a_network_the_error_says_what_to_do(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as gone:
        monkeypatch.setenv("FRAMELANE_RELEASE_URL", gone.url)
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DownloadError) as caught:
        released_weights("yolov7-tiny")
    message = str(caught.value)
    assert (
        message.startswith(f"cannot download {gone.url}/yolov7-tiny.pt: ") and "refused" in message
    )
    assert message.endswith(
        f"put the file at '{weights}', or name a mirror in FRAMELANE_RELEASE_URL"
    )
    weights.write_bytes(CONTENT)
    assert released_weights("yolov7-tiny") == weights


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc", "give an http or https URL"),
        ("/srv/mirror", "give an http or https URL"),
        ("https://me:secret@mirror.example", "has a user name or password"),
    ],
)
def test_an_invalid_mirror_is_refused(
    url: str, message: str, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMELANE_RELEASE_URL", url)
    with pytest.raises(UsageError, match=message) as caught:
        released_weights("yolov7-tiny")
    assert "secret" not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_named(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="set FRAMELANE_CACHE to a folder that can be written"):
        released_weights("yolov7-tiny")


ASK = """
from detector.weights.release import released_weights

print(released_weights("yolov7-tiny").read_bytes()[:9])
"""


def test_if_two_processes_ask_at_once_one_downloads(release: Release) -> None:
    ask = [sys.executable, "-c", ASK]
    both = [subprocess.Popen(ask, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    printed = [process.communicate(timeout=CAP)[0] for process in both]
    assert printed == [f"{CONTENT[:9]!r}\n".encode()] * 2
    assert release.requests == [("/yolov7-tiny.pt", None)]


def test_a_terminal_shows_a_bar(release: Release) -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    ask = [sys.executable, "-c", ASK]
    subprocess.run(ask, cwd=ROOT, stderr=theirs, env=environment, check=True, timeout=CAP)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "yolov7-tiny.pt" in shown and "━" in shown and "downloading" not in shown
