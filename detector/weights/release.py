"""Weights of the official release: downloaded into the cache once, checked at every use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import is_zipfile

import click
from rich.console import Console
from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from detector.atomic_write import replacing
from detector.cache import cache_folder, locked
from detector.errors import DownloadError, ModelError, UsageError
from detector.manifest import sha256_of
from detector.weights.download import Partial, Show, download
from detector.weights.published import LICENCE

RELEASE = "https://github.com/WongKinYiu/yolov7/releases/download/v0.1"
RELEASE_VARIABLE = "FRAMELANE_RELEASE_URL"
RELEASED = (
    "yolov7",
    "yolov7-d6",
    "yolov7-d6_training",
    "yolov7-e6",
    "yolov7-e6_training",
    "yolov7-e6e",
    "yolov7-e6e_training",
    "yolov7-tiny",
    "yolov7-w6",
    "yolov7-w6_training",
    "yolov7_training",
    "yolov7x",
    "yolov7x_training",
)


def released_weights(name: str) -> Path:
    """Return the checkpoint of that name from the cache; it is downloaded if it is missing.

    A name always gives the same file: its hash is recorded the first time, and checked at every
    use. Raises ModelError if the file in the cache has changed, DownloadError if the download fails
    or gives another file than the first time.
    """
    folder = cache_folder() / "weights"
    path = folder / f"{name}.pt"
    with locked(folder / f"{name}.lock"):
        if not path.is_file():
            _fetch(f"{_release()}/{name}.pt", path)
        elif (found := sha256_of(path)) != _recorded(path, found):
            raise ModelError(
                f"'{path}' is not the file that was downloaded (its sha256 is {found[:12]}..., "
                f"'{_record(path).name}' has {_recorded(path, found)[:12]}...): delete it to "
                "download it again"
            )
    return path


def _release() -> str:
    """Return the URL of the weights; $FRAMELANE_RELEASE_URL names a mirror."""
    url = os.environ.get(RELEASE_VARIABLE) or RELEASE
    if "@" in urlsplit(url).netloc:
        raise UsageError(f"{RELEASE_VARIABLE} has a user name or password: leave them out")
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{RELEASE_VARIABLE} is '{url}': give an http or https URL")
    return url.rstrip("/")


def _fetch(url: str, path: Path) -> None:
    """Download a file; accept it if it is a checkpoint, and the same as the first time."""
    partial = Partial(path.with_name(f"{path.name}.part"))
    try:
        with _progress(url) as show:
            download(url, partial, show)
    except DownloadError as error:
        raise DownloadError(
            f"cannot download {url}: {error}{_bytes_kept(partial)}. Without a network, put the "
            f"file at '{path}', or name a mirror in {RELEASE_VARIABLE}"
        ) from error
    except OSError as error:
        raise ModelError(f"cannot write '{partial.path}': {error.strerror}") from error
    try:
        _check(url, partial, path)
        os.replace(partial.path, path)
        click.echo(f"{path} is under {LICENCE}, the licence of its authors", err=True)
    finally:
        partial.discard()


def _bytes_kept(partial: Partial) -> str:
    held = partial.held()
    return f" ({held / 1e6:.1f} MB are kept, the next start continues)" if held else ""


def _check(url: str, partial: Partial, path: Path) -> None:
    if not is_zipfile(partial.path):
        raise DownloadError(f"{url} is not a checkpoint, or not a complete one")
    found = sha256_of(partial.path)
    if found != (recorded := _recorded(path, found)):
        raise DownloadError(
            f"{url} is another file than the first time: its sha256 is {found}, but '"
            f"{_record(path)}' has {recorded}. If you trust the new file, delete that record"
        )


def _record(path: Path) -> Path:
    """Return the path of a file's recorded hash, in the format of `sha256sum --check`."""
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path, found: str) -> str:
    """Return the recorded hash; if there is none yet, record `found`."""
    record = _record(path)
    if not record.exists():
        with replacing(record) as written:
            written.write_text(f"{found}  {path.name}\n")
    return record.read_text().partition(" ")[0]


@contextmanager
def _progress(url: str) -> Iterator[Show]:
    """Show a bar on a terminal, one line in a log."""
    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(f"downloading {url}", err=True)
        yield lambda _done, _total: None
        return
    columns = (*Progress.get_default_columns()[:2], DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(url.rpartition("/")[2], total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
