"""python -m benchmarks.live: live streams over minutes and hours, and the claims that must hold.

Cameras and receivers are real RTSP servers on this machine; they share its cores with the run.
Each command prints its measurements, and ends with 1 if a claim does not hold.
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
    """Run live streams over minutes and hours, and check the claims that must hold."""


for command in (steady, overload, faults, reconnects, glass, soak, streams):
    main.add_command(command)

if __name__ == "__main__":
    main()
