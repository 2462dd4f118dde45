"""Starts the child: its modules keep their names, and no others of ours can be imported."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

for name, path in (
    ("pipeline", []),
    ("pipeline.sinks", []),
    ("pipeline.sinks.rtsp", [str(Path(__file__).parents[1])]),
):
    package = sys.modules[name] = ModuleType(name)
    package.__path__ = path
import_module("pipeline.sinks.rtsp.server_child.main").main()
