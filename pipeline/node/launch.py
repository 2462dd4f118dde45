"""Requests to the process of a node, which is started if there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.connections.local_socket import NotThere, ask
from pipeline.node.process import SOCKET

ANSWER_SECONDS = 20.0
FOREIGN = ("RAY_",)  # variables that are none of a node's business: one is a token


def node_folder(template: str, node: str) -> Path:
    """Return the folder of a node: an absolute path on its machine."""
    return Path(template.replace("{node}", node)).expanduser().absolute()


def ask_node(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of the node in a folder, or that there is none.

    `hello` starts the process of the node if there is none; it answers some seconds later. Raises
    FramelaneError if the node refuses.
    """
    try:
        return ask(folder / SOCKET, request, ANSWER_SECONDS)
    except NotThere as error:
        if request["op"] == "hello":
            _start(folder)
        return {"absent": str(error)}


def _start(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    command = [sys.executable, "-m", "pipeline.node.process", str(folder)]
    subprocess.run(command, env=kept, stdin=subprocess.DEVNULL, check=True, cwd="/")
