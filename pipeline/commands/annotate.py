"""framelane annotate: many recordings, each annotated once.

Its options import nothing slow: `--help` must not wait for numpy or a runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from pipeline.commands.analysis_options import FILE, analysis_options


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
    help="Processes that work side by side; they share the cores.  [default: one per core]",
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
    from pipeline.library.cores import core_count
    from pipeline.library.local import LocalExecutor
    from pipeline.library.session import annotate
    from pipeline.redaction import redacted_errors

    parameters = dict.fromkeys(CONFIGURATION_KEYS) | flags | {"sources": (videos[0],)}
    with redacted_errors():
        context.exit(
            annotate(
                configure(config, parameters),
                videos,
                lambda tasks: LocalExecutor(min(workers or core_count(), tasks), core_count()),
                manifest_path=manifest,
                retry_failed=retry_failed,
            )
        )
