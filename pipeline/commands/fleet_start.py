"""framelane fleet SITE.yaml: runs cameras on the nodes of a Ray cluster, and watches over them."""

from __future__ import annotations

import logging
import signal
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from detector.cli import Command

if TYPE_CHECKING:
    from pipeline.config import RunConfig

log = logging.getLogger("framelane")


@click.command(cls=Command, name="fleet")
@click.argument("site", type=click.Path(path_type=Path), metavar="SITE.yaml")
@click.option(
    "--cluster",
    metavar="HOST:PORT",
    default="auto",
    show_default=True,
    help="The head of the Ray cluster; auto: the cluster that this machine is part of.",
)
@click.option("--address", metavar="HOST:PORT", help="Where status and metrics are found.")
def start(site: Path, cluster: str, address: str | None) -> None:
    """Run the cameras of SITE.yaml on the nodes of a Ray cluster, and watch over them.

    SITE.yaml is a configuration as `framelane serve` takes it; its section `fleet` and the keys
    `place` and `labels` of sources are in docs/cluster.md. Ctrl-C ends this command only: the nodes
    go on, and the next one takes over. `framelane fleet stop` ends the cameras.
    """
    from pipeline.log import log_on_terminal
    from pipeline.redaction import redacted_errors

    with redacted_errors(), log_on_terminal():
        watch_over(site, cluster, address)


def read_site(path: Path, address: str | None) -> RunConfig:
    """Return the configuration; raises UsageError."""
    from pipeline.commands.serve import configured

    return configured((str(path),), address)[1]


def watch_over(path: Path, cluster: str, address: str | None) -> None:
    """Keep the cameras of a site running until a signal comes. Raises FramelaneError."""
    from pipeline.cluster.connection import connected
    from pipeline.cluster.ray_cluster import RayCluster
    from pipeline.connections.local_socket import LocalServer
    from pipeline.fleet.config import FleetConfig
    from pipeline.fleet.coordinator import SOCKET, Coordinator
    from pipeline.node.assignment import site_of
    from pipeline.node.model_store import parts
    from pipeline.web.fleet_app import fleet_app
    from pipeline.web.server import Server

    config = read_site(path, address)
    fleet = config.fleet or FleetConfig()
    _refuse_second(Path(fleet.folder))
    site_of(config)  # finds mistakes before anything is started
    assert config.serve
    ended = Event()
    with ExitStack() as around:
        ray = around.enter_context(connected(cluster))
        for number in (signal.SIGINT, signal.SIGTERM):
            around.callback(signal.signal, number, signal.signal(number, lambda *_: ended.set()))
        nodes = RayCluster(ray, fleet.node_folder)
        coordinator = Coordinator(
            nodes,
            fleet,
            lambda: site_of(read_site(path, address)),
            parts,
        )
        around.enter_context(LocalServer(Path(fleet.folder) / SOCKET, coordinator.answer))
        around.enter_context(Server(fleet_app(coordinator, config.serve), config.serve.address))
        coordinator.run(ended)
        if ended.is_set():
            log.info("nobody watches over the cameras now; they go on")
        else:
            nodes.end()


def _refuse_second(folder: Path) -> None:
    from detector.errors import UsageError
    from pipeline.connections.local_socket import NotThere, ask
    from pipeline.fleet.coordinator import SOCKET

    try:
        ask(folder / SOCKET, {"op": "status"}, timeout=10.0)
    except NotThere:
        return
    raise UsageError(
        f"a fleet is watched from '{folder}' already: `framelane fleet reload` reads its "
        "configuration again"
    )
