"""The folder of the repository, and that of the test data."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """Return the folder of real clips and data sets, which may be missing."""
    return Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data"))
