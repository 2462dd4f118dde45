"""The name and the features of a CPU, read from the kernel's list."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.hardware.cpu import computes_bf16, cpu_flags, cpu_name, int8_pays


def test_an_arm_cpu_lists_its_features_under_another_key(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16\nCPU part\t: 0xd42\n")
    assert {"asimddp", "bf16"} < cpu_flags(path)
    assert cpu_flags(tmp_path / "absent") == frozenset() and cpu_name(tmp_path / "absent")


@pytest.mark.parametrize(
    ("line", "able"),
    [
        ("flags\t\t: fpu sse2 avx avx2 fma", False),  # EPYC, second generation
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", False),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16", True),
        ("Features\t: fp asimd asimddp i8mm bf16", True),
        ("Features\t: fp asimd asimddp", False),
    ],
)
def test_a_cpu_computes_in_bfloat16_only_with_instructions_for_it(
    tmp_path: Path, line: str, able: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert computes_bf16(tmp_path / "cpuinfo") == able


def test_int8_pays_where_it_was_measured() -> None:
    assert int8_pays("x86_64") and int8_pays("AMD64")
    assert not int8_pays("aarch64") and not int8_pays("armv7l")
