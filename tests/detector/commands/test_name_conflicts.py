"""A distribution that installs a package of our name is found, however it says what it installs."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

from detector.commands.name_conflicts import name_conflicts


def install(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Write what pip leaves of an installed distribution."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (info / file).write_text(text)


def test_other_owners_of_our_names_are_named_with_their_version(tmp_path: Path) -> None:
    record = "trackers/__init__.py,,\ntrackers-2.6.0.dist-info/METADATA,,\n"
    install(tmp_path, "trackers", "2.6.0", {"RECORD": record})
    install(tmp_path, "some-pipeline", "1.0", {"top_level.txt": "pipeline\nother\n"})
    install(tmp_path, "harmless", "3.0", {"top_level.txt": "harmless\n"})
    assert name_conflicts(distributions(path=[str(tmp_path)])) == {
        "pipeline": "some-pipeline 1.0",
        "trackers": "trackers 2.6.0",
    }


def test_our_own_distribution_is_no_conflict(tmp_path: Path) -> None:
    install(tmp_path, "framelane", "0.1.0", {"top_level.txt": "detector\ntrackers\n"})
    assert name_conflicts(distributions(path=[str(tmp_path)])) == {}
