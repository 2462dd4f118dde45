"""The folder of test data, and which sequences the options of Lane were chosen on."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tests.support.paths import ROOT

CHOSEN_ON = ("ADL-Rundle-6", "ETH-Bahnhof", "KITTI-13", "PETS09-S2L1", "TUD-Stadtmitte")


def find_data() -> Path:
    """Return the folder of test data; ends the program if there is none."""
    data = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data"))
    if not (data / "mot15").is_dir():
        raise click.ClickException(f"{data}/mot15 is missing: set FRAMELANE_DATA to its folder")
    return data
