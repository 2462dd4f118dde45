"""The lines of the GPU benchmark; measuring itself needs a GPU."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import gpu
from benchmarks.result import Result
from benchmarks.timeline import Span, beside, read_trace
from detector.acceptance.sample_images import read_images
from detector.engines import make_engine
from detector.hardware.cuda_driver import find_gpus
from tests.benchmarks.conftest import FRAMES, SIZE


def test_without_a_gpu_it_says_so_and_where_to_look() -> None:
    if find_gpus():
        pytest.skip("there is a GPU here")
    ended = CliRunner().invoke(gpu.main)
    assert ended.exit_code == 1
    assert "there is none here, or no driver for it" in ended.output
    assert "python -m detector doctor" in ended.output


def test_copies_and_kernels_are_read_from_a_trace_with_their_streams(tmp_path: Path) -> None:
    def event(category: str, name: str, start: float, length: float, stream: int) -> object:
        arguments = {"stream": stream}
        return {"cat": category, "name": name, "ts": start, "dur": length, "args": arguments}

    events = [
        event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 0, 4, 7),
        event("kernel", "sm80_xmma_fprop", 4, 10, 7),
        event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 14, 2, 7),
        event("gpu_memcpy", "Memcpy DtoD (Device -> Device)", 16, 2, 7),
        {"cat": "cuda_runtime", "name": "cudaGraphLaunch", "ts": 1, "dur": 1, "args": {}},
        {"ph": "M", "name": "process_name"},
    ]
    trace = tmp_path / "trace.json"
    trace.write_text(json.dumps({"traceEvents": events}))
    assert read_trace(trace) == {
        "upload": [Span(0, 4, 7)],
        "compute": [Span(4, 14, 7)],
        "download": [Span(14, 16, 7)],
    }


def test_only_spans_on_another_stream_count_as_overlap() -> None:
    uploads = [Span(0, 10, stream=1), Span(20, 30, stream=2)]
    assert beside(uploads, [Span(0, 100, stream=1)]) == 0.5  # of the second upload alone
    assert beside(uploads, [Span(5, 25, stream=3)]) == 0.5
    assert beside(uploads, [Span(5, 8, stream=3), Span(6, 9, stream=4)]) == pytest.approx(0.2)
    assert beside(uploads, [Span(10, 20, stream=3)]) == 0
    assert beside(uploads, []) == beside([], uploads) == 0


def test_a_whole_run_is_compared_with_its_engine_alone(
    clip: Path, model: Path, tmp_path: Path
) -> None:
    """With the CPU engine, which runs everywhere."""
    with closing(make_engine("openvino", model)) as engine:
        result = gpu.whole("openvino", model, engine, clip, 0.5, tmp_path)
        images = read_images(clip, SIZE, 3)
        same = gpu.agreement("itself", engine, gpu.found_one_by_one(engine, images), images)
    assert "a whole run of clip.mp4" in result.what and result.wanted == "at least 0.95"
    assert len((tmp_path / "openvino.jsonl").read_text().splitlines()) == FRAMES
    assert same.holds and "at most 0.00 pixels and 0.0000 off" in same.found


def test_a_line_gives_the_result_the_wanted_value_and_the_verdict() -> None:
    assert str(Result("GPU", "an RTX")).split() == ["GPU", "an", "RTX"]
    held = str(Result("torch: upload", "70% of its time", "at least 50%", True))
    assert held.endswith("70% of its time   wanted: at least 50%: yes")
    missed = str(Result("torch: run", "0.90", "at least 0.95", False))
    assert missed.endswith("0.90   wanted: at least 0.95: NO")
