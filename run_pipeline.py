"""The main command: sources in, boxes, identities and annotated video out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from detector.cli import Size

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.command(context_settings=CONTEXT)
@click.argument("sources", nargs=-1)
@click.option("--config", type=click.Path(path_type=Path), help="YAML file; flags go over it.")
@click.option("--model", "--weights", help="A name (docs/weights.md) or a file.  [default: street]")
@click.option("--engine", help="The runtime, or auto: the fastest here.  [default: openvino]")
@click.option("--device", help="Where the engine runs.  [default: CPU]")
@click.option("--imgsz", type=Size(), help="The input size you expect of the model.")
@click.option("--conf", type=float, help="Least score.  [default: 0.1 with a tracker, else 0.25]")
@click.option("--iou", type=float, help="Overlap above which a box yields.  [default: the model's]")
@click.option("--classes", help="Names or numbers to keep, as in person,car.  [default: all]")
@click.option("--agnostic", is_flag=True, default=None, help="Suppress across classes.")
@click.option("--tracker", help="A tracker, or none.  [default: lane]")
@click.option("--camera-motion", is_flag=True, default=None, help="The camera moves: allow for it.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    help="A file to write, several times: .mp4 .mkv .mov video, .jsonl JSON lines, .txt "
    "MOTChallenge, or rtsp://; {stream} becomes the stream's name.  "
    "[default: runs/{stream}.mp4 and .jsonl]",
)
@click.option("--stride", type=int, help="Use every k-th frame.")
@click.option("--max-frames", type=int, help="Stop after so many frames.")
@click.option("--realtime", is_flag=True, default=None, help="Pace recordings like cameras.")
@click.option(
    "--max-age",
    type=float,
    help="Seconds after which a picture of a live stream is left out.  [default: 0.5]",
)
@click.option("--control", help="HOST:PORT where streams are shown, added and removed.")
@click.option("--watchdog", type=float, help="Seconds after which a stage that hangs ends the run.")
@click.option("--stats-json", type=click.Path(path_type=Path), help="Write all figures there.")
@click.option("--print-config", is_flag=True, help="Print the effective configuration and stop.")
@click.option("--print-schema", is_flag=True, help="Print the JSON schema of YAML files and stop.")
def main(
    sources: tuple[str, ...],
    outputs: tuple[str, ...],
    config: Path | None,
    stats_json: Path | None,
    print_config: bool,
    print_schema: bool,
    **flags: Any,
) -> None:
    """Detect and track objects in video.

    SOURCES are video files, http(s) URLs, folders or globs of pictures, synthetic[:SEED], or live:
    rtsp:// and other cameras (docs/live.md); with none, the built-in synthetic street is shown.
    Exit code 0: all went well, or was stopped by Ctrl-C; 1: something could not be read or written
    to its end; 2: a wrong option.
    """
    from detector.errors import FramelaneError, UsageError  # late: --help must not wait
    from pipeline.command import as_yaml, configure, run, schema

    flags["classes"] = flags["classes"] and flags["classes"].split(",")
    if print_schema:
        click.echo(schema())
        return
    try:
        configuration = configure(config, flags | {"sources": sources, "outputs": outputs})
        if print_config:
            click.echo(as_yaml(configuration), nl=False)
            return
        sys.exit(run(configuration, stats_json))
    except FramelaneError as error:
        click.echo(f"run_pipeline.py: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)


if __name__ == "__main__":
    main()
