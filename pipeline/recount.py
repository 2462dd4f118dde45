"""The old name of `pipeline.analytics.recount`, for one release."""

from __future__ import annotations

from detector.cli import errors_as_lines
from detector.renamed import warn_renamed
from pipeline.analytics.recount import main

if __name__ == "__main__":
    with errors_as_lines():
        warn_renamed("python -m pipeline.recount", "python -m pipeline.analytics.recount")
    main(prog_name="python -m pipeline.recount")
