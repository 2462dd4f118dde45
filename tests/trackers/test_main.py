"""python -m trackers: options, files and folders, warnings, errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.paths import ROOT
from trackers.__main__ import main
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.motchallenge.text import read_mot


def test_the_commands_track_a_file_and_score_it(data: Path, tmp_path: Path) -> None:
    folder, output, scores = data / "mot15" / "TUD-Campus", tmp_path / "t.txt", tmp_path / "s.json"
    detections, truth = folder / "det" / "det.txt", folder / "gt" / "gt.txt"
    options = ["--frame-rate", "25", "--option", "new_score=0.7", "--option", "class_aware=false"]
    done = command("run", "--detections", str(detections), "--output", str(output), *options)
    assert done.exit_code == 0, done.output
    flags = ["--gt", str(truth), "--results", str(output), "--rules", "mot15", "--frames", "1-50"]
    done = command("evaluate", *flags, "--json", str(scores))
    assert done.exit_code == 0, done.output
    written = json.loads(scores.read_text())
    assert written["sequences"]["TUD-Campus"] == written["overall"]
    in_range = sum(int(line.split(",")[0]) <= 50 for line in truth.read_text().splitlines())
    assert written["overall"]["objects"] == in_range
    assert f"{written['overall']['idf1']:.4f}" in done.output


@pytest.fixture
def two_sequences(data: Path, tmp_path: Path) -> Path:
    """A folder of two short sequences in the MOTChallenge layout."""
    for name in ("TUD-Campus", "KITTI-17"):
        shutil.copytree(data / "mot15" / name, tmp_path / "mot" / name)
    return tmp_path / "mot"


def test_folders_are_tracked_at_the_rate_of_each_sequence_and_scored_together(
    two_sequences: Path, tmp_path: Path
) -> None:
    output, scores = tmp_path / "tracks", tmp_path / "scores.json"
    flags = ["--tracker", "lane", "--output", str(output)]
    done = command("run", "--detections", str(two_sequences), *flags)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert sorted(file.name for file in output.iterdir()) == ["KITTI-17.txt", "TUD-Campus.txt"]
    files = ["--gt", str(two_sequences), "--results", str(output)]
    done = command("evaluate", *files, "--json", str(scores))
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    written = json.loads(scores.read_text())
    assert set(written["sequences"]) == {"KITTI-17", "TUD-Campus"}
    for name in ("objects", "switches", "misses"):
        assert written["overall"][name] == sum(s[name] for s in written["sequences"].values())
    shutil.rmtree(two_sequences / "TUD-Campus")
    done = command("evaluate", *files, "--json", str(scores))
    assert "not evaluated, ground truth missing: TUD-Campus" in done.stderr
    assert json.loads(scores.read_text())["overall"] == written["sequences"]["KITTI-17"]
    (output / "KITTI-17.txt").unlink()
    done = command("evaluate", *files)
    assert done.exit_code == 2 and "no sequence is in both" in done.stderr


def test_both_commands_use_the_same_chosen_frames(two_sequences: Path, tmp_path: Path) -> None:
    output, scores = tmp_path / "tracks", tmp_path / "scores.json"
    chosen = ["--keep-every", "2", "--drop", "0.2", "--seed", "3", "--frames", "KITTI-17=11-60"]
    command("run", "--detections", str(two_sequences), "--output", str(output), *chosen)
    frames = [int(line.split(",")[0]) for line in (output / "KITTI-17.txt").read_text().split()]
    assert min(frames) >= 11 and max(frames) <= 59
    assert {frame % 2 for frame in frames} == {1} and len(set(frames)) < 25
    files = ["--gt", str(two_sequences), "--results", str(output), "--json", str(scores)]
    command("evaluate", *files, *chosen)
    truth = read_mot(two_sequences / "KITTI-17" / "gt" / "gt.txt", with_classes=False)
    same = FrameChoice({"": (11, 60)}, 2, 0.2, 3).of("", 145)
    scored = truth.among(same)
    assert json.loads(scores.read_text())["sequences"]["KITTI-17"]["objects"] == int(
        (scored.scores != 0).sum()
    )


def test_predicted_and_refined_boxes_are_marked_in_column_9(
    two_sequences: Path, tmp_path: Path
) -> None:
    detections = two_sequences / "TUD-Campus" / "det" / "det.txt"
    for flags, marks in (
        ([], {"-1", "0"}),  # who is hidden for a moment
        (["--option", "hidden_seconds=0"], {"-1"}),
        (["--option", "emit_lost=true"], {"-1", "0"}),
        (["--refine"], {"1", "2", "3"}),
    ):
        output = tmp_path / "t.txt"
        done = command("run", "--detections", str(detections), "--output", str(output), *flags)
        assert done.exit_code == 0, done.output
        assert {line.split(",")[8] for line in output.read_text().split()} == marks


def test_assumptions_are_warned_of(tmp_path: Path, two_sequences: Path) -> None:
    detections, output = tmp_path / "det.txt", tmp_path / "out.txt"
    detections.write_text("1,-1,5,5,10,10,93.6,-1,-1,-1\n2,-1,5,5,10,10,-0.4,-1,-1,-1\n")
    files = ["--detections", str(detections), "--output", str(output)]
    done = command("run", *files)
    assert "no --frame-rate and no seqinfo.ini: 30 fps is assumed" in done.stderr
    assert "scores are clipped to 0..1; set --score-range" in done.stderr
    done = command("run", *files, "--frame-rate", "25", "--score-range", "0", "100")
    assert done.stderr == "" and "0.9360" in output.read_text()
    camera = tmp_path / "camera"
    camera.mkdir()
    (camera / "KITTI-17.txt").write_text("0 1 0 0 0 1 0\n")
    folders = ["--detections", str(two_sequences), "--output", str(tmp_path / "tracks")]
    done = command("run", *folders, "--camera-path", str(camera))
    assert done.stderr.startswith("TUD-Campus: no TUD-Campus.txt in")
    assert done.stderr.count("\n") == 1


def test_classes_in_column_8_are_tracked_separately_with_the_option(tmp_path: Path) -> None:
    detections, output = tmp_path / "det.txt", tmp_path / "out.txt"
    rows = [f"{k},-1,{left},5,40,90,.9,{c}" for k in (1, 2, 3) for left, c in ((5, 0), (6, 2))]
    detections.write_text("\n".join(rows))
    files = ["--detections", str(detections), "--output", str(output), "--frame-rate", "25"]
    command("run", *files, "--with-classes")
    classes = {tuple(line.split(",")[1:8:6]) for line in output.read_text().split()}
    assert classes == {("1", "0"), ("2", "2")}


def test_results_without_identities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("1,-1,5,5,10,10,1,0\n")
    done = command("evaluate", "--gt", str(path), "--results", str(path))
    assert done.exit_code == 2 and "boxes without identities cannot be scored" in done.stderr


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--tracker", "sorted"], "unknown tracker 'sorted'"),
        (["--option", "buffer=2"], "no option 'buffer'; did you mean 'buffer_seconds'"),
        (["--option", "buffer_seconds"], "key=value is expected"),
        (["--option", "buffer_seconds=long"], "a number is expected"),
        (["--detections", "nowhere.txt"], "nowhere.txt: cannot be read"),
        (["--output", "{tmp}/det.txt/o.txt"], "o.txt: cannot be written"),
        (["--score-range", "2", "1"], "the second number must be above the first"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(
    tmp_path: Path, flags: list[str], said: str
) -> None:
    detections = tmp_path / "det.txt"
    detections.write_text("1,-1,5,5,10,10,.9\n")
    files = ["--detections", str(detections), "--output", str(tmp_path / "o.txt")]
    flags = [flag.replace("{tmp}", str(tmp_path)) for flag in flags]
    done = command("run", *files, "--frame-rate", "25", *flags)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("frames", ["7", "0-5", "9-3", "a-b", "name=5"])
def test_a_wrong_range_of_frames_is_refused(tmp_path: Path, frames: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,5,5,10,10,1,0\n")
    done = command("evaluate", "--gt", str(path), "--results", str(path), "--frames", frames)
    assert done.exit_code == 2
    assert "A-B or NAME=A-B is expected" in done.stderr


def test_help_loads_no_evaluation_library() -> None:
    code = (
        "import sys; sys.argv = ['trackers', '--help']; import trackers.__main__ as m\n"
        "try: m.main()\n"
        "except SystemExit: print(sorted({'trackeval', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "evaluate" in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.mark.filterwarnings("always")
def test_an_old_option_name_gives_the_tracks_of_the_new_one_and_a_warning(
    two_sequences: Path, tmp_path: Path
) -> None:
    detections = two_sequences / "TUD-Campus" / "det" / "det.txt"
    output = tmp_path / "out.txt"
    files = ["--detections", str(detections), "--tracker", "sort", "--output", str(output)]
    texts, said = [], []
    for option in ("least_iou=0.6", "min_iou=0.6", "min_iou=0.3"):
        done = command("run", *files, "--option", option)
        assert done.exit_code == 0, done.output
        texts.append(output.read_text())
        said.append(done.stderr)
    assert texts[0] == texts[1] != texts[2]
    assert said[0].startswith("Warning: tracker: least_iou is called min_iou now")
    assert said[1:] == ["", ""]
