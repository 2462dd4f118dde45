"""framelane fleet: cameras of one site on many machines.

Its options import nothing slow: `--help` must not wait for numpy, Ray or a runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command, Late, LateGroup

FOLDER = "runs/fleet"
LATE = {
    "start": Late("pipeline.commands.fleet_start:start", "Run the cameras of SITE.yaml."),
    "status": Late("pipeline.commands.fleet:status", "Show nodes and cameras."),
    "log": Late("pipeline.commands.fleet:log", "Show the last lines of a camera's log."),
    "move": Late("pipeline.commands.fleet:move", "Run a camera on a certain node."),
    "drain": Late("pipeline.commands.fleet:drain", "Take all cameras from a node."),
    "reload": Late("pipeline.commands.fleet:reload", "Read SITE.yaml again."),
    "stop": Late("pipeline.commands.fleet:stop", "End all cameras on all nodes."),
}


class FleetGroup(LateGroup):
    """`framelane fleet SITE.yaml` means `framelane fleet start SITE.yaml`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        if args and args[0] not in {*LATE, "-h", "--help"}:
            args = ["start", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name; of a name that is none, that it means."""
        return super().get_command(ctx, cmd_name) or LATE["start"].load()


fleet = FleetGroup(
    name="fleet",
    late=LATE,
    help="Run the cameras of one site on many machines (docs/cluster.md): "
    "`framelane fleet SITE.yaml` starts, the other commands are for the machine on which it runs.",
)

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(FOLDER),
    show_default=True,
    help="The key `folder` of the section `fleet`.",
)


@click.command(cls=Command)
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print all that is known, as JSON.")
@click.pass_context
def status(context: click.Context, folder: Path, as_json: bool) -> None:
    """Show nodes and cameras. The exit code is 0 if all cameras are live."""
    import json

    from pipeline.fleet.status import is_healthy, status_text

    found = _ask(folder, {"op": "status"})
    click.echo(json.dumps(found, indent=2) if as_json else status_text(found))
    context.exit(0 if is_healthy(found) else 1)


@click.command(cls=Command)
@folder_option
@click.argument("camera")
def log(folder: Path, camera: str) -> None:
    """Show the last lines of a camera's log, from the node that runs it."""
    for line in _ask(folder, {"op": "log", "camera": camera})["lines"]:
        click.echo(line)


@click.command(cls=Command)
@folder_option
@click.argument("camera")
@click.argument("node")
def move(folder: Path, camera: str, node: str) -> None:
    """Run a camera on a certain node; it stays there until the node is lost or drained."""
    _ask(folder, {"op": "move", "camera": camera, "node": node})


@click.command(cls=Command)
@folder_option
@click.argument("node")
@click.option("--undo", is_flag=True, help="Let the node run cameras again.")
def drain(folder: Path, node: str, undo: bool) -> None:
    """Take all cameras from a node, as far as the others have room."""
    _ask(folder, {"op": "drain", "node": node, "on": not undo})


@click.command(cls=Command)
@folder_option
def reload(folder: Path) -> None:
    """Read SITE.yaml again: only what has changed is restarted."""
    _ask(folder, {"op": "reload"})


@click.command(cls=Command)
@folder_option
def stop(folder: Path) -> None:
    """End all cameras on all nodes, and the command that watches over them."""
    _ask(folder, {"op": "stop"})


def _ask(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the coordinator; raises FramelaneError if there is none, or it refuses."""
    from detector.errors import FramelaneError
    from pipeline.connections.local_socket import NotThere, ask
    from pipeline.fleet.coordinator import SOCKET

    try:
        return ask(folder / SOCKET, request, timeout=60.0)
    except NotThere as error:
        raise FramelaneError(
            f"no fleet is watched from '{folder}': `framelane fleet SITE.yaml` does that; cameras "
            "that run go on without it"
        ) from error
