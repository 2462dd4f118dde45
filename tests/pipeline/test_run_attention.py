"""A whole run with attention: every frame is written, in order, and most of them rest."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.assembly.run import build
from pipeline.report.summary import summary
from pipeline.run import run_figures
from tests.support.cameras import CAP
from tests.support.runs import minimal_config, quick_clip


def test_every_frame_is_written_in_its_order_and_says_whether_it_was_looked_at(
    tmp_path: Path,
) -> None:
    sources = [quick_clip(150, name=name) for name in ("one", "two")]
    shapes = {"lines": [{"name": "gate", "start": [0.5, 0], "end": [0.5, 1]}]}
    run = build(minimal_config(tmp_path, *sources, attention="on", analytics=shapes))
    run.pipeline.start()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert run.pipeline.failures == []
    figures = run_figures(run)
    for name in ("one", "two"):
        written = (tmp_path / f"{name}.jsonl").read_text()
        lines = [json.loads(line) for line in written.splitlines()]
        assert [line["index"] for line in lines] == list(range(150))
        assert all("detected" not in line or line["detected"] is False for line in lines)
        assert all(line["counts"] == {"gate": {}} for line in lines)
        looked = sum("detected" not in line for line in lines)
        attention = figures["streams"][name]["attention"]
        assert sum(attention["looks"].values()) == looked
        assert sum(attention["rests"].values()) == 150 - looked
        assert 6 <= looked <= 120  # at least one a second
        assert f"attention: {looked} frames looked at" in summary(figures)


def test_shadow_looks_at_every_frame_and_says_what_attention_would_have_missed(
    tmp_path: Path,
) -> None:
    run = build(minimal_config(tmp_path, quick_clip(60, name="one"), attention="shadow"))
    run.pipeline.start()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert run.pipeline.failures == []
    figures = run_figures(run)
    assert "detected" not in (tmp_path / "one.jsonl").read_text()
    stream = figures["streams"]["one"]
    assert stream["emitted"] == 60 and sum(stream["attention"]["rests"].values()) > 10
    assert stream["shadow"]["tracks_never_seen"] == 0  # the engine detects nothing
    assert "attention would have missed 0 tracks" in summary(figures)
