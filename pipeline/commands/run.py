"""The main command: sources in, boxes, identities and annotated video out.

Its options import nothing slow: `--help` must not wait for numpy or a runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command, Size
from detector.errors import UsageError

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("sources", nargs=-1)
@click.option("--config", type=FILE, help="YAML file; options on the command line override it.")
@click.option("--model", "--weights", help="A name (docs/weights.md) or a file.  [default: street]")
@click.option(
    "--engine", help="The runtime; auto takes the fastest of this machine.  [default: openvino]"
)
@click.option("--device", help="Where the engine runs.  [default: CPU]")
@click.option("--imgsz", type=Size(), help="Refuse a model with another input size.")
@click.option("--conf", type=float, help="Minimum score.  [default: 0.1 with a tracker, else 0.25]")
@click.option("--iou", type=float, help="IoU threshold of NMS.  [default: the model's]")
@click.option("--classes", help="Names or numbers to keep, as in person,car.  [default: all]")
@click.option("--agnostic", is_flag=True, default=None, help="NMS across classes.")
@click.option("--tracker", help="A tracker, or none.  [default: lane]")
@click.option(
    "--camera-motion", is_flag=True, default=None, help="Compensate the motion of the camera."
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    help="Output, may be repeated: .mp4 .mkv .mov video, .jsonl JSON lines, .txt "
    "MOTChallenge, or rtsp://; {stream} stands for the stream's name.  "
    "[default: runs/{stream}.mp4 and .jsonl]",
)
@click.option("--stride", type=int, help="Use every k-th frame.")
@click.option("--max-frames", type=int, help="Stop after this many frames.")
@click.option("--realtime", is_flag=True, default=None, help="Pace recordings like cameras.")
@click.option(
    "--max-age",
    type=float,
    help="Drop live frames that are older than so many seconds.  [default: 0.5]",
)
@click.option("--control", help="HOST:PORT where streams are shown, added and removed.")
@click.option(
    "--watchdog", type=float, help="End the run if a stage makes no progress for so many seconds."
)
@click.option("--stats-json", type=FILE, help="Write all figures to this file.")
@click.option("--print-config", is_flag=True, help="Print the effective configuration and stop.")
@click.option("--print-schema", is_flag=True, help="Print the JSON schema of YAML files and stop.")
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
    """Detect and track objects in video.

    SOURCES are video files, http(s) URLs, folders or globs of images, synthetic[:SEED], or live
    streams: rtsp:// and others (docs/live.md). Without SOURCES the built-in synthetic street runs.

    Exit code 0: all went well, or Ctrl-C stopped the run; 1: something could not be read or
    written to its end; 2: a wrong option.
    """
    from pipeline.commands.execute import as_yaml, configure, execute, schema
    from pipeline.redaction import redacted_errors

    flags["classes"] = flags["classes"] and flags["classes"].split(",")
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
        context.exit(execute(configuration, stats_json))
