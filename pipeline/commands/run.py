"""The main command: sources in, boxes, identities and annotated video out.

Its options import nothing slow: `--help` must not wait for numpy or a runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from detector.errors import UsageError
from pipeline.commands.analysis_options import FILE, analysis_options


@click.command(cls=Command, renamed={"--control": "--serve"})
@click.argument("sources", nargs=-1)
@analysis_options
@click.option(
    "--output",
    "outputs",
    multiple=True,
    help="File or URL to write; may be repeated. .mp4, .mkv, .mov: video; .jsonl: JSON lines; "
    ".txt: MOTChallenge; rtsp://: live video. {stream} is replaced by the name of the stream.  "
    "[default: runs/{stream}.mp4 and .jsonl]",
)
@click.option(
    "--realtime",
    is_flag=True,
    default=None,
    help="Read recordings at the speed at which they play.",
)
@click.option(
    "--max-age",
    type=float,
    help="Drop frames of live streams that would reach the outputs older than this many seconds.  "
    "[default: 0.5]",
)
@click.option("--serve", help="HOST:PORT of the page, the API and the metrics (docs/web.md).")
@click.option(
    "--watchdog",
    type=float,
    help="End the run if a stage works on one frame for this many seconds.",
)
@click.option("--stats-json", type=FILE, help="Write all counts and timings to this file, as JSON.")
@click.option(
    "--print-config", is_flag=True, help="Print the resulting configuration as YAML and exit."
)
@click.option(
    "--print-schema", is_flag=True, help="Print the JSON schema of configuration files and exit."
)
@click.pass_context
def run(
    context: click.Context,
    /,
    sources: tuple[str, ...],
    outputs: tuple[str, ...],
    config: Path | None,
    stats_json: Path | None,
    print_config: bool,
    print_schema: bool,
    **flags: Any,
) -> None:
    """Detect and track objects in video and images.

    SOURCES are video files, http(s) URLs of videos, images, folders or globs of images,
    synthetic[:SEED] (the built-in street), and live streams: rtsp:// and others (docs/live.md).
    Default: synthetic.

    Exit code 0: every source was read and every output written completely, or Ctrl-C stopped the
    run. 1: a source is damaged, or a source, an output or the run failed; the last lines say which.
    2: a wrong option or configuration, a missing path, or a model that cannot be used.
    """
    from pipeline.commands.execute import as_yaml, configure, execute, schema
    from pipeline.redaction import redacted_errors

    if print_schema:
        click.echo(schema())
        return
    if config and stats_json and stats_json.exists() and stats_json.samefile(config):
        raise UsageError(f"--stats-json: {stats_json} is also --config: give it another name")
    with redacted_errors():
        configuration = configure(config, flags | {"sources": sources, "outputs": outputs})
        if print_config:
            click.echo(as_yaml(configuration), nl=False)
            return
        context.exit(execute(configuration, stats_json, config))
