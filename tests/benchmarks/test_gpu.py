"""What the benchmark of a GPU says of what it was given; measuring needs a GPU."""

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
from detector.export.onnx_export import export_model
from detector.hardware.cuda_driver import find_gpus
from detector.yolov7.network import build_network
from pipeline.sources.street.labelled_clip import write_clip
from pipeline.sources.synthetic import Synthetic

FRAMES = 60


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


def test_only_what_is_on_another_stream_counts_as_beside() -> None:
    uploads = [Span(0, 10, stream=1), Span(20, 30, stream=2)]
    assert beside(uploads, [Span(0, 100, stream=1)]) == 0.5  # of the second upload alone
    assert beside(uploads, [Span(5, 25, stream=3)]) == 0.5
    assert beside(uploads, [Span(5, 8, stream=3), Span(6, 9, stream=4)]) == pytest.approx(0.2)
    assert beside(uploads, [Span(10, 20, stream=3)]) == 0
    assert beside(uploads, []) == beside([], uploads) == 0


def test_a_whole_run_is_held_against_the_pace_of_its_engine(tmp_path: Path) -> None:
    """Any engine will do for that: here is one that runs everywhere."""
    write_clip(
        Synthetic("synthetic:0", width=192, height=128, counter=False), tmp_path, "clip", FRAMES
    )
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    model, clip = tmp_path / "model.onnx", tmp_path / "videos" / "clip.mp4"
    export_model(network, model, class_names=("a", "b", "c"), size=(64, 64))
    with closing(make_engine("openvino", model)) as engine:
        result = gpu.whole("openvino", model, engine, clip, 0.5, tmp_path)
        images = read_images(clip, (64, 64), 3)
        same = gpu.agreement("itself", engine, gpu.found_one_by_one(engine, images), images)
    assert "a whole run of clip.mp4" in result.what and result.wanted == "at least 0.95"
    assert len((tmp_path / "openvino.jsonl").read_text().splitlines()) == FRAMES
    assert same.holds and "at most 0.00 pixels and 0.0000 off" in same.found


def test_a_line_says_what_was_found_what_was_wanted_and_whether_it_is_so() -> None:
    assert str(Result("GPU", "an RTX")).split() == ["GPU", "an", "RTX"]
    held = str(Result("torch: upload", "70% of its time", "at least 50%", True))
    assert held.endswith("70% of its time   wanted: at least 50%: yes")
    missed = str(Result("torch: run", "0.90", "at least 0.95", False))
    assert missed.endswith("0.90   wanted: at least 0.95: NO")
