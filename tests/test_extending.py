"""The examples of docs/extending.md, put where the page says, run as the page says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("detector", "trackers", "pipeline")
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout in which the page was followed."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copytree(ROOT / "configs", tmp_path / "framelane_configs")
    shutil.copytree(ROOT / "models", tmp_path / "framelane_models")
    shutil.copy(ROOT / "run_pipeline.py", tmp_path)
    for path, code in re.findall(r"^`([\w/.]+)`[^\n]*:\n\n```python\n(.*?)```", PAGE, re.M | re.S):
        (tmp_path / path).write_text(code, encoding="utf-8")
    for path, code in re.findall(
        r"^In `([\w/.]+)`[^\n]*:\n\n```python\n(.*?)```", PAGE, re.M | re.S
    ):
        _add_to_table(tmp_path / path, code)
    yaml = re.search(r"`noise.yaml`.*?```yaml\n(.*?)```", PAGE, re.S)
    assert yaml
    (tmp_path / "noise.yaml").write_text(yaml[1], encoding="utf-8")
    return tmp_path


def _add_to_table(path: Path, code: str) -> None:
    """Add the last line of the example to the table that the line before it opens."""
    *imports, opening, entry = code.rstrip().splitlines()
    opening = opening.strip()
    text = path.read_text(encoding="utf-8")
    assert text.count(f"\n{opening}") == 1, f"{path.name} has no line that begins with {opening}"
    text = re.sub(
        rf"^({re.escape(opening)}.*)$", lambda line: f"{line[1]}\n{entry}", text, flags=re.M
    )
    future = "from __future__ import annotations\n"
    path.write_text(text.replace(future, "\n".join([future, *imports])), encoding="utf-8")


def test_the_examples_run_together(checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "run_pipeline.py", "--config", "noise.yaml"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (checkout / "runs/noise.jsonl").read_text().splitlines()]
    # noise is grey on average, so the score is a half; the object never moves, so its id stays
    assert [[track["id"] for track in line["tracks"]] for line in lines] == [[1]] * 10
    assert all(track["score"] == pytest.approx(0.5, abs=0.05) for track in lines[0]["tracks"])
    counts = (checkout / "runs/noise.csv").read_text().splitlines()
    assert counts[0] == "0.000,1,0,0" and counts[9] == "0.360,1,0,0"
