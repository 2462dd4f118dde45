"""A Ray cluster for tests, and `framelane` commands that use it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

NODES = ("n1", "n2", "n3")
STARTS = 3  # of a cluster, before it is given up
COMMAND = "from pipeline.commands.framelane import main; main()"
# A token for this run alone. Processes that have lost their head end soon; all of them have time to
# start on a busy machine.
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "15",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_agent_register_timeout_ms": "120000",
}


class RayCluster:
    """A head without CPUs, and nodes with these names.

    address: of the head; session: the folder of Ray's logs
    """

    def __init__(self, *names: str) -> None:
        self._process, started = _start(names)
        self.address: str = started["address"]
        self.session = Path(started["session"])

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def tell(self, **command: Any) -> None:
        """Send a command, see ray_cluster_child.py, and wait until it is carried out."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        assert _message_of(self._process) == {"done": True}


def _start(names: Sequence[str]) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start the process of a cluster, and return it with its first message.

    Ray gives up a node that does not start within 30 s, which a busy machine may need.
    """
    script = ROOT / "tests/support/ray_cluster_child.py"
    for _ in range(STARTS):
        process = subprocess.Popen(
            [sys.executable, str(script), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ENVIRONMENT,
            text=True,
        )
        if started := _message_of(process):
            return process, started
        process.communicate()
    raise AssertionError(f"Ray could not be started {STARTS} times")


def _message_of(process: subprocess.Popen[str]) -> dict[str, Any] | None:
    """Wait for a message of the process; None if it has ended."""
    assert process.stdout
    for line in process.stdout:
        if line.startswith("{"):
            message: dict[str, Any] = json.loads(line)
            return message
    return None


class ClusterHolder:
    """The cluster that tests share, started when it is first asked for."""

    def __init__(self) -> None:
        self._cluster: RayCluster | None = None

    def __enter__(self) -> ClusterHolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cluster:
            self._cluster.__exit__()

    @property
    def now(self) -> RayCluster:
        """The present cluster."""
        if self._cluster is None:
            self._cluster = RayCluster(*NODES)
        return self._cluster

    def renew(self) -> RayCluster:
        """Return another one in its place, as after the loss of a head."""
        self.__exit__()
        self._cluster = None
        return self.now


def framelane(*words: str, log: Path | None = None, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Start a command; log: where its output goes, else it is piped."""
    output: Any = log.open("a") if log else subprocess.PIPE
    try:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            stdout=output,
            stderr=subprocess.STDOUT if log else subprocess.PIPE,
            env=os.environ | ENVIRONMENT,
            text=True,
            cwd=cwd,
        )
    finally:
        if log:
            output.close()
