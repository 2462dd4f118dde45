"""What is in a machine is read from its files, also from those of machines that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.commands.machine import (
    driver_version,
    graphics_cards,
    jetson_release,
)
from detector.hardware.cuda_driver import Gpu

GPU = Gpu(0, "NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, integrated=False)


@pytest.mark.parametrize(
    ("text", "release"),
    [
        (
            "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic",
            "L4T 36.4.3 (JetPack 6)",
        ),
        (
            "# R35 (release), REVISION: 6.1, GCID: 39721438, BOARD: t186ref",
            "L4T 35.6.1 (JetPack 5)",
        ),
        ("# R38 (release), REVISION: 2.0, GCID: 41844464", "L4T 38.2.0 (JetPack 7)"),
        ("something else", None),
    ],
)
def test_a_jetson_is_known_by_its_release_file(
    text: str, release: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "nv_tegra_release"
    path.write_text(text)
    assert jetson_release(path) == release
    assert jetson_release(tmp_path / "absent") is None


def test_the_version_of_the_driver_is_that_of_the_kernel_module(tmp_path: Path) -> None:
    path = tmp_path / "version"
    path.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
        "GCC version:  gcc version 13.3.0\n"
    )
    assert driver_version(path) == "580.65.06"
    path.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 2024\n")
    assert driver_version(path) == "535.183.01"
    assert driver_version(tmp_path / "absent") is None


def test_cards_are_found_on_the_bus_without_a_driver(tmp_path: Path) -> None:
    for number, (kind, vendor) in enumerate(
        [("0x030000", "0x8086"), ("0x020000", "0x8086"), ("0x030200", "0x10de"), ("0x03", "0x1a03")]
    ):
        device = tmp_path / f"0000:0{number}:00.0"
        device.mkdir()
        (device / "class").write_text(f"{kind}\n")
        (device / "vendor").write_text(f"{vendor}\n")
    assert graphics_cards(tmp_path) == ("Intel", "NVIDIA", "0x1a03")
    assert graphics_cards(tmp_path / "absent") == ()
