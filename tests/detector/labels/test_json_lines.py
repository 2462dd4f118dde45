"""JSON lines of a run are labels as well."""

from __future__ import annotations

from pathlib import Path

from detector.labels.findings import Findings
from detector.labels.formats import read_labels
from detector.labels.labelled import NO_TRACK, Mark

TRACK = '{"id":7,"class":"car","class_id":2,"score":0.5,"box":[1.5,2,30,40]}'
ALONE = '{"id":null,"class":"cat","class_id":1,"score":0.25,"box":[1,2,3,4]}'


def test_each_line_is_a_frame_and_a_line_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        f'{{"stream":"door","index":3,"seconds":0.5,"tracks":[{TRACK},{ALONE}]}}\n'
        '{"stream":"door","index":4,"seconds":0.75,"tracks":[]}\n'
        f'{{"stream":"door","index":5,"seconds":1.0,"detected":false,"tracks":[{TRACK}]}}\n'
        '{"stream":"door","ind'
    )
    findings = Findings()
    labels = read_labels(path, findings)
    (clip,) = labels.clips
    assert clip.name == "door" and clip.frames.tolist() == [3, 4, 5]
    assert clip.seconds is not None and clip.seconds.tolist() == [0.5, 0.75, 1.0]
    one, alone, predicted = clip.boxes.rows()
    assert one.box_xyxy == (1.5, 2, 30, 40) and (one.track, one.score) == (7, 0.5)
    assert labels.classes[alone.class_id] == "cat" and alone.track == NO_TRACK
    assert (one.mark, predicted.mark) == (Mark.DETECTED, Mark.INTERPOLATED)
    assert len(findings.lines) == 1 and "a.jsonl:4: not valid JSON" in findings.lines[0]


def test_a_wrong_box_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    wrong = TRACK.replace("30,40", "1,40")
    path.write_text(f'{{"index":0,"tracks":[{wrong},7,{ALONE}]}}\n[]\n')
    findings = Findings()
    assert read_labels(path, findings).box_count == 1
    assert [line.split(": ")[0][-7:] for line in findings.lines] == [
        "jsonl:1",
        "jsonl:1",
        "jsonl:2",
    ]
