"""The command `framelane fleet` for tests: started, asked, and cleaned up."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any

import yaml

from pipeline.connections.local_socket import NotThere, ask
from pipeline.fleet.coordinator import SOCKET
from pipeline.node.launch import ask_node
from tests.support.ray_cluster import framelane


class FleetCommand:
    """The command, and what it says about nodes and cameras.

    folder: of everything that is written; site: the configuration, see fleet_site

    """

    def __init__(self, folder: Path, site: Mapping[str, Any]) -> None:
        self.folder = folder
        self.site = {"serve": "127.0.0.1:0", **site}
        self.log = folder / "fleet.log"
        self.process: Any = None

    def write(self) -> None:
        (self.folder / "site.yaml").write_text(yaml.safe_dump(self.site))

    def start(self, address: str) -> None:
        self.write()
        self.process = framelane(
            "fleet", str(self.folder / "site.yaml"), "--cluster", address, log=self.log
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        try:
            return ask(self.folder / "fleet" / SOCKET, request, 30.0)
        except NotThere:
            assert self.process.poll() is None, self.log.read_text()
            return {"nodes": {}, "cameras": {}}

    def command(self, *words: str) -> tuple[int, str]:
        process = framelane("fleet", *words, "--folder", str(self.folder / "fleet"))
        return process.wait(60), process.communicate(timeout=60)[0]

    def cameras(self) -> dict[str, Any]:
        return dict(self.ask(op="status")["cameras"])

    def all_live(self) -> bool:
        found = self.cameras()
        return len(found) == len(self.site["sources"]) and all(
            each["state"] == "LIVE" for each in found.values()
        )

    def epochs(self) -> dict[str, tuple[str, int]]:
        return {name: (each["node"], each["epoch"]) for name, each in self.cameras().items()}

    def get(self, path: str) -> str:
        port = self.log.read_text().rpartition("http://127.0.0.1:")[2].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def packets(self, node: str) -> dict[str, int]:
        """Return what a node has recorded so far, asked without the cluster."""
        place = self.folder / "nodes" / node
        term = ask_node(place, {"op": "hello"})["term"]
        report = ask_node(place, {"op": "report", "term": term})
        return {
            name: each["details"]["recording"]["packets"]
            for name, each in report["cameras"].items()
            if each["state"] == "LIVE"
        }

    def pid_of(self, node: str) -> int:
        """Return the process of a node."""
        place = self.folder / "nodes" / node
        term = ask_node(place, {"op": "hello"})["term"]
        return int(ask_node(place, {"op": "report", "term": term})["pid"])

    def clean_up(self) -> None:
        """End the command and the processes of all nodes, whatever they do."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)

    def pids(self) -> list[int]:
        return [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdecimal() and str(self.folder / "nodes").encode() in command_line(path)
        ]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
