"""framelane annotate: many recordings, each annotated once.

Its options import nothing slow: `--help` must not wait for numpy or a runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli import Command
from pipeline.commands.analysis_options import FILE, analysis_options

if TYPE_CHECKING:
    from pipeline.library.executor import Executor


@click.command(cls=Command)
@click.argument("videos", nargs=-1, required=True)
@analysis_options
@click.option(
    "--output",
    "outputs",
    multiple=True,
    help="File to write; may be repeated. .mp4, .mkv, .mov: video; .jsonl: JSON lines; .txt: "
    "MOTChallenge. {path} is replaced by the path of the recording below the folder or pattern "
    "that was given, without its suffix; {suffix} by that suffix; {stream} as in `framelane run`.  "
    "[default: runs/{path}.mp4 and .jsonl]",
)
@click.option(
    "--watchdog",
    type=float,
    help="Give a recording up if a stage works on one frame for this many seconds.  [default: 300]",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes that work side by side; they share the cores. With --cluster on all nodes "
    "together.  [default: one for two cores, here as far as the memory has room]",
)
@click.option(
    "--cluster",
    metavar="HOST:PORT",
    help="Work on the nodes of the Ray cluster with this head; auto: that of this machine "
    "(docs/cluster.md).",
)
@click.option(
    "--manifest",
    type=FILE,
    help="SQLite file that remembers what is done.  [default: library.sqlite beside the outputs]",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Try recordings again that failed or were set aside in an earlier run.",
)
@click.pass_context
def annotate(
    context: click.Context,
    /,
    videos: tuple[str, ...],
    config: Path | None,
    workers: int | None,
    cluster: str | None,
    manifest: Path | None,
    retry_failed: bool,
    **flags: Any,
) -> None:
    """Annotate many recordings, each once; a second run does only what is missing or has changed.

    VIDEOS are files, folders, globs in quotes, http(s) URLs, and lists: @FILE, or a file that ends
    in .txt or .csv, with one path or URL per line.

    Exit code 0: every recording is done and undamaged, or Ctrl-C stopped the run. 1: a recording
    failed, was set aside or is damaged, now or in an earlier run; the last lines say which. 2: a
    wrong option or configuration, a missing path, or a model that cannot be used. See
    docs/library.md.
    """
    from pipeline.commands.execute import CONFIGURATION_KEYS, configure
    from pipeline.library.session import annotate
    from pipeline.redaction import redacted_errors

    parameters = dict.fromkeys(CONFIGURATION_KEYS) | flags | {"sources": (videos[0],)}
    with redacted_errors(), ExitStack() as around:
        configuration = configure(config, parameters)
        context.exit(
            annotate(
                configuration,
                videos,
                _on_cluster(cluster, workers, around) if cluster else _here(workers),
                manifest_path=manifest,
                retry_failed=retry_failed,
            )
        )


def _here(workers: int | None) -> Callable[[int], Executor]:
    """Return what makes an executor for a number of recordings, on this machine."""
    from pipeline.library.cores import core_count, default_workers
    from pipeline.library.local import LocalExecutor

    most = workers or default_workers()
    return lambda tasks: LocalExecutor(min(most, tasks), core_count())


def _on_cluster(address: str, workers: int | None, around: ExitStack) -> Callable[[int], Executor]:
    """Return what makes an executor on a Ray cluster, to which it is connected now."""
    from pipeline.cluster.connection import connected
    from pipeline.cluster.ray_executor import RayExecutor

    ray = around.enter_context(connected(address))
    return lambda tasks: RayExecutor(ray, workers)
