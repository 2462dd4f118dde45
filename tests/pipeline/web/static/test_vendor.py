"""The files of others that the page uses are those that were released."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.vendored import SHIPPED, TESTED_WITH, record_of, sha256


@pytest.mark.parametrize("folder", [SHIPPED, TESTED_WITH])
def test_vendored_files_have_the_recorded_hashes_and_no_other_file_is_there(folder: Path) -> None:
    rows = re.findall(
        r"^\| [\w-]+ \| [\d.]+ \| [\w.-]+ \| (\S+) \| ([0-9a-f]{64}) \|$",
        record_of(folder).read_text(encoding="utf-8"),
        re.M,
    )
    there = {path for path in folder.rglob("*") if path.is_file()} - {record_of(folder)}
    assert {path.relative_to(folder).as_posix(): sha256(path) for path in there} == dict(rows)


def test_our_own_page_has_no_inline_script_or_style() -> None:
    static = ROOT / "pipeline/web/static"
    html = (static / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", html) == []
