"""The folder of test data, and which sequences the options of Lane were chosen on."""

from __future__ import annotations

from pathlib import Path

import click

from tests.support.paths import data_folder

CHOSEN_ON = ("ADL-Rundle-6", "ETH-Bahnhof", "KITTI-13", "PETS09-S2L1", "TUD-Stadtmitte")


def find_data() -> Path:
    """Return the folder of test data; ends the program if there is none."""
    data = data_folder()
    if not (data / "mot15").is_dir():
        raise click.ClickException(f"{data}/mot15 is missing: set FRAMELANE_DATA to its folder")
    return data
