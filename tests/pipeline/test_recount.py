"""The old module name of the recount command still works, with a warning."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

LINE = {
    "counts": {"gate": {"left to right": {"car": 1}}},
    "events": [{"shape": "gate", "counted_as": "left to right", "class": "car"}],
}


def test_the_old_name_counts_and_says_the_new_name(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(LINE) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.recount", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == LINE["counts"]
    assert done.stderr.startswith("Warning: python -m pipeline.recount is called ")
    assert "python -m pipeline.analytics.recount now" in done.stderr
