"""framelane doctor: what decodes and encodes here, after it was tried."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pipeline.codecs.trial import CODECS, Tried
from pipeline.commands.doctor import codec_rows, used_codecs
from pipeline.commands.framelane import main

NO_GPU = "there is no NVIDIA GPU"


@pytest.fixture(scope="module")
def output() -> str:
    ended = CliRunner().invoke(main, ["doctor"])
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_the_sections_are_what_is_here_what_was_tried_what_is_used_and_what_would_help(
    output: str,
) -> None:
    titles = [line for line in output.splitlines() if not line.startswith(" ")]
    assert titles[0] == "here" and titles[2:] == ["used for the fastest run", "for more"]
    assert titles[1].startswith("codecs of FFmpeg ") and titles[1].endswith(", tried")
    for codec in CODECS:
        assert f"\n  {codec:<13}decoded by " in output


def test_json_says_of_each_codec_what_works_and_why_the_rest_does_not() -> None:
    ended = CliRunner().invoke(main, ["doctor", "--json"])
    found = json.loads(ended.stdout)
    assert set(found["codecs"]) == set(CODECS)
    h264 = found["codecs"]["h264"]
    assert h264["decoders"]["software"] is None and h264["encoders"]["software"] is None
    assert {"cuda", "vaapi", "qsv"} <= set(h264["decoders"])
    for parts in (*h264["decoders"].values(), *h264["encoders"].values()):
        assert parts is None or "\n" not in parts
    assert {"engine", "decoder", "encoder"} == set(found["use"])


def test_hardware_that_works_is_used_and_a_reason_is_said_once() -> None:
    software = Tried({"software": None, "cuda": NO_GPU}, {"nvenc": NO_GPU, "software": None})
    with_gpu = Tried({"software": None, "cuda": None}, {"nvenc": None, "software": None})
    old = Tried({"software": None, "cuda": "it does not decode av1"}, {"software": None})
    assert used_codecs({"h264": software}) == dict.fromkeys(
        ("decoder", "encoder"), "FFmpeg on the CPU"
    )
    assert used_codecs({"h264": with_gpu}) == {"decoder": "cuda", "encoder": "nvenc"}
    assert list(codec_rows({"h264": with_gpu, "av1": old})) == [
        ("h264", "decoded by software, cuda; encoded by nvenc, software"),
        ("av1", "decoded by software; encoded by software"),
        ("", "not cuda: it does not decode av1 (av1)"),
    ]
    rows = list(codec_rows({"h264": software, "hevc": software}))
    assert rows[2:] == [("", f"not cuda: {NO_GPU}"), ("", f"not nvenc: {NO_GPU}")]
