"""A download is what the server has, however often the connection breaks, or an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detector.errors import DownloadError
from detector.weights.download import Partial, download
from tests.support.release_server import Fault, Release, serving

CONTENT = np.random.default_rng(1).bytes(300_000)
OTHER = np.random.default_rng(2).bytes(200_000)


@pytest.fixture
def release() -> Iterator[Release]:
    """A server with one file."""
    with serving() as release:
        release.files["/x.pt"] = CONTENT
        yield release


@pytest.fixture
def partial(tmp_path: Path) -> Partial:
    return Partial(tmp_path / "x.pt.part")


def fetch(release: Release, partial: Partial, path: str = "/x.pt") -> list[tuple[int, int | None]]:
    """Download the file, and return the progress that was shown."""
    shown: list[tuple[int, int | None]] = []
    download(release.url + path, partial, lambda *done: shown.append(done), timeout_seconds=5)
    return shown


def test_a_file_arrives_completely_and_its_progress_is_shown(
    release: Release, partial: Partial
) -> None:
    shown = fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT
    assert shown == sorted(shown) and shown[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("version", ["ETag", "Last-Modified"])
def test_where_a_connection_breaks_the_next_continues(
    version: str, release: Release, partial: Partial
) -> None:
    release.version = version
    release.faults.extend(
        [Fault(stop_after=100_000), Fault(stop_after=1), Fault(stop_after=50_000)]
    )
    shown = fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT
    ranges = [requested for _, requested in release.requests]
    assert ranges == [None, "bytes=100000-", "bytes=100001-", "bytes=150001-"]
    assert shown[-1] == (len(CONTENT), len(CONTENT))


def test_the_partial_file_of_another_process_is_continued(
    release: Release, partial: Partial
) -> None:
    release.faults.extend([Fault(stop_after=70_000), Fault(status=503), Fault(status=503)])
    with pytest.raises(DownloadError, match="the server says 503"):
        fetch(release, partial)
    fetch(release, Partial(partial.path))
    assert partial.path.read_bytes() == CONTENT
    assert release.requests[-1] == ("/x.pt", "bytes=70000-")


def test_a_file_that_changes_between_two_connections_is_never_mixed(
    release: Release, partial: Partial
) -> None:
    release.faults.extend([Fault(stop_after=100_000), Fault(status=500), Fault(status=500)])
    with pytest.raises(DownloadError):
        fetch(release, partial)
    release.files["/x.pt"] = OTHER
    fetch(release, partial)
    assert partial.path.read_bytes() == OTHER


def test_a_file_without_a_version_is_downloaded_from_its_beginning(
    release: Release, partial: Partial
) -> None:
    release.version = ""
    release.faults.append(Fault(stop_after=100_000))
    fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT
    assert [requested for _, requested in release.requests] == [None, None]


def test_from_a_server_without_ranges_the_whole_file_is_requested_again(
    release: Release, partial: Partial
) -> None:
    release.ranges = False
    release.faults.append(Fault(stop_after=100_000))
    fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT


def test_a_part_that_was_not_requested_is_not_used(release: Release, partial: Partial) -> None:
    release.faults.extend([Fault(stop_after=100_000), Fault(shift=10)])
    fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT


def test_a_complete_partial_file_is_downloaded_again(release: Release, partial: Partial) -> None:
    fetch(release, partial)
    fetch(release, partial)  # as after a kill between the last byte and the renaming
    assert partial.path.read_bytes() == CONTENT
    assert [requested for _, requested in release.requests] == [None, "bytes=300000-", None]


def test_a_redirection_is_followed_for_the_missing_part(release: Release, partial: Partial) -> None:
    release.files["/moved.pt"] = CONTENT
    moved = Fault(moved_to=f"{release.url}/moved.pt")
    release.faults.extend([moved, Fault(stop_after=100_000), moved])
    fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT
    assert release.requests[-1] == ("/moved.pt", "bytes=100000-")


def test_a_length_that_is_never_reached_is_refused_and_the_bytes_are_kept(
    release: Release, partial: Partial
) -> None:
    release.faults.extend([Fault(claim=5)] * 9)
    with pytest.raises(DownloadError, match="ended after 300000 of 300005 bytes"):
        fetch(release, partial)
    assert partial.held() == len(CONTENT)


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (500, 2), (503, 2), (429, 2)])
def test_a_server_error_is_raised_and_retried_only_if_it_may_be_temporary(
    status: int, asked: int, release: Release, partial: Partial
) -> None:
    release.faults.extend([Fault(status=status)] * 9)
    with pytest.raises(DownloadError, match=f"the server says {status}"):
        fetch(release, partial)
    assert len(release.requests) == asked
    assert not partial.held()


def test_a_temporary_error_does_not_stop_a_download(release: Release, partial: Partial) -> None:
    release.faults.append(Fault(status=503))
    fetch(release, partial)
    assert partial.path.read_bytes() == CONTENT


def test_a_silent_server_times_out(release: Release, partial: Partial) -> None:
    release.faults.extend([Fault(silent=True)] * 9)
    with pytest.raises(DownloadError, match="timed out"):
        download(f"{release.url}/x.pt", partial, lambda *_: None, timeout_seconds=0.2)


def test_a_refused_connection_is_an_error(partial: Partial) -> None:
    with serving() as release:
        url = release.url
    with pytest.raises(DownloadError, match="refused"):
        download(f"{url}/x.pt", partial, lambda *_: None)


def test_a_full_disk_is_not_retried_like_a_broken_connection(
    release: Release, partial: Partial
) -> None:
    partial.path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        fetch(release, partial)
    assert len(release.requests) == 1
