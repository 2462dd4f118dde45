"""The main command from a checkout: the same as `framelane run`."""

from __future__ import annotations

from pipeline.commands.run import run

if __name__ == "__main__":
    run(prog_name="run_pipeline.py")
