"""python -m benchmarks.live: minutes and hours of live streams, and what has to hold over them.

Cameras and receivers are real RTSP servers on this machine, and share its cores with what is
measured. Each command prints what it saw, and ends with 1 where something does not hold.
"""

from __future__ import annotations

import click

from benchmarks.live.faults import faults
from benchmarks.live.glass import glass
from benchmarks.live.overload import overload
from benchmarks.live.reconnects import reconnects
from benchmarks.live.soak import soak
from benchmarks.live.steady import steady
from benchmarks.live.streams import streams


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Minutes and hours of live streams, and what has to hold over them."""


for command in (steady, overload, faults, reconnects, glass, soak, streams):
    main.add_command(command)

if __name__ == "__main__":
    main()
