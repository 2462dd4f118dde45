"""How much 60 corrected frames of a new camera improve the bundled model, and which frames.

`python -m benchmarks.annotating` walks the loop of docs/annotating.md on PETS 2009 with the
product's own commands: pre-labels, frames chosen by `labels select` or otherwise, correction,
split, training, INT8, and pre-labels again. The truth plays the person who corrects. The first two
thirds of the clip are two recordings, `morning` and `noon`; the last third, `evening`, is only
scored. What is done is kept in build/annotating, and a second call goes on from there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import mean

import av
import click
import numpy as np
import yaml

from benchmarks.trackers.data import find_data
from detector.detections import Int64Array
from detector.labels.findings import Findings
from detector.labels.formats import read_labels, write_labels
from detector.labels.labelled import LabelledClip, LabelledSet
from pipeline.labelling.tracked import scores
from pipeline.selection.select import selected, written
from tests.support.paths import ROOT
from trainer.evaluation.average_precision import score
from trainer.evaluation.evaluate import evaluate_images, open_model
from trainer.evaluation.labelled import load_labelled

FOLDER = ROOT / "build" / "annotating"
RECORDINGS = {"morning": (0, 424), "noon": (424, 529), "evening": (529, 795)}  # frames, from 0
POOL = {"morning": 48, "noon": 12}  # frames to correct in each: 60
SEEDS = (0, 1, 2)
SIZE = [384, 512]  # the scale of the frames in `street`, without its borders
COMMAND = "from pipeline.commands.framelane import main; main()"

Frames = Mapping[str, Sequence[int]]  # by recording


@dataclass(frozen=True, slots=True)
class Numbers:
    """How good a model is on the evening.

    missed, false: boxes of a run that a person would have to draw or delete, at an IoU of 0.5
    """

    ap50: float
    ap: float
    hota: float
    missed: int
    false: int
    objects: int

    @property
    def touched(self) -> int:
        """The boxes that a person would have to touch."""
        return self.missed + self.false


@dataclass(frozen=True, slots=True)
class Round:
    """One training: its name, the model that its frames were chosen with, and what it starts from.

    chosen: frames that are new in this round; earlier: those that were corrected before
    """

    name: str
    weights: str
    chosen: Frames
    seed: int
    earlier: Frames | None = None

    @property
    def folder(self) -> Path:
        """Everything of this round."""
        return FOLDER / self.name

    @property
    def labels(self) -> Path:
        """The corrected labels, split."""
        return self.folder / "set.yolo.zip"

    @property
    def recipe(self) -> Path:
        """What is trained."""
        return self.folder / "recipe.yaml"

    @property
    def model(self) -> Path:
        """The exported model."""
        return self.folder / "training" / "training.onnx"


def framelane(*words: object, env: Mapping[str, str] | None = None) -> None:
    """Run a command of the product, with what it says on the terminal."""
    line = [sys.executable, "-c", COMMAND, *map(str, words)]
    subprocess.run(line, check=True, cwd=ROOT, env={**os.environ, **(env or {})})


def video(name: str) -> Path:
    """Return a recording."""
    return FOLDER / "recordings" / f"{name}.mp4"


def truth(name: str) -> LabelledClip:
    """Return the true boxes of a recording."""
    return read_labels(truth_file(name), Findings()).clips[0]


def truth_file(name: str) -> Path:
    """Return the true labels of a recording."""
    return FOLDER / "recordings" / f"{name}.coco.json"


def cut(data: Path) -> None:
    """Cut PETS and its truth into recordings, without loss."""
    (FOLDER / "recordings").mkdir(parents=True, exist_ok=True)
    rows = np.loadtxt(data / "pets09" / "gt_480x360.txt", delimiter=",")
    for name, (first, end) in RECORDINGS.items():
        if truth_file(name).exists():  # written last
            continue
        _cut_video(data / "pets09" / "vtest_480x360.mp4", video(name), first, end)
        mot = FOLDER / "recordings" / name
        (mot / "gt").mkdir(parents=True, exist_ok=True)
        mine = rows[(rows[:, 0] > first) & (rows[:, 0] <= end)] - [first, *[0] * 8]
        np.savetxt(mot / "gt" / "gt.txt", mine, fmt="%g", delimiter=",")
        (mot / "gt" / "labels.txt").write_text("person\n")
        info = {"name": name, "seqLength": end - first, "frameRate": 10}
        info |= {"imWidth": 480, "imHeight": 360}
        lines = [f"{key}={value}" for key, value in info.items()]
        (mot / "seqinfo.ini").write_text("\n".join(["[Sequence]", *lines, ""]))
        write_labels(read_labels(mot, Findings()), truth_file(name))


def _cut_video(source: Path, target: Path, first: int, end: int) -> None:
    with av.open(str(source)) as read, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 480, 360, "yuv420p"
        for number, frame in enumerate(read.decode(video=0)):
            if first <= number < end:
                frame.pts, frame.time_base = number - first, Fraction(1, 10)
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def prelabels(model: str, folder: Path, name: str, without: Sequence[int]) -> Path:
    """Return the boxes that a run with a model finds in a recording, where nobody corrected."""
    found, path = folder / f"{name}.coco.json", folder / f"{name}.left.coco.json"
    if not found.exists():
        framelane("run", video(name), "--model", model, "--output", found)
    labels = read_labels(found, Findings())
    clip = labels.clips[0]
    left = clip.frames[~np.isin(clip.frames, without)]
    write_labels(replace(labels, clips=(_among(clip, left),)), path)
    return path


def _among(clip: LabelledClip, frames: Int64Array) -> LabelledClip:
    """Return a clip with only these of its labelled frames."""
    seconds = None if clip.seconds is None else clip.seconds[np.isin(clip.frames, frames)]
    boxes = clip.boxes[np.isin(clip.boxes.frames, frames)]
    return replace(clip, frames=frames, boxes=boxes, files=(), seconds=seconds)


def by_select(model: str, folder: Path, without: Frames | None = None) -> Frames:
    """Return the frames that `labels select` chooses from the pre-labels of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {}
    for name, count in POOL.items():
        path = prelabels(model, folder, name, (without or {}).get(name, ()))
        best = selected(read_labels(path, Findings()), str(video(name)), count)
        chosen[name] = best.clips[0].frames.tolist()
    return chosen


def by_chance(seed: int) -> Frames:
    """Return random frames of the same recordings."""
    rng = np.random.default_rng(seed)
    return {
        name: np.sort(rng.choice(_length(name), count, replace=False)).tolist()
        for name, count in POOL.items()
    }


def _length(name: str) -> int:
    first, end = RECORDINGS[name]
    return end - first


def correct(frames: Sequence[int], name: str, output: Path) -> None:
    """Write the true boxes of the frames of a recording with their images, as a person would."""
    corrected = _among(truth(name), np.array(frames, np.int64))
    written(LabelledSet(("person",), (corrected,)), str(video(name)), output)


def trained(this: Round) -> Numbers:
    """Correct the frames of a round, train on them, and return how good the model is."""
    results = this.folder / "numbers.json"
    if not results.exists():
        this.folder.mkdir(parents=True, exist_ok=True)
        _make_set(this)
        changes = {"weights": this.weights, "size": SIZE, "seed": this.seed}
        this.recipe.write_text(yaml.safe_dump({"hyperparameters": "annotated", **changes}))
        _train(this)
    return measured(this.model, results)


def quantised(this: Round) -> Numbers:
    """Make the INT8 models of a round, which runs then choose, and return how good it is."""
    results = this.folder / "int8.json"
    if not results.exists():
        _train(this, "--export", "int8")
    return measured(this.model, results, this.model.with_suffix(".int8-openvino.xml"))


def _make_set(this: Round) -> None:
    parts = []
    for name in POOL:
        frames = sorted({*this.chosen[name], *(this.earlier or {}).get(name, ())})
        parts.append(this.folder / f"{name}.coco.zip")
        correct(frames, name, parts[-1])
    framelane("labels", "merge", *parts, this.folder / "all.coco.zip")
    framelane("labels", "split", this.folder / "all.coco.zip", this.labels, "--val", 0.2)


def _train(this: Round, *more: str) -> None:
    labels = {"FRAMELANE_LABELS": str(this.labels)}
    framelane("train", this.recipe, "--output", this.model.parent, "--resume", *more, env=labels)


def measured(model: str | Path, results: Path, file: Path | None = None) -> Numbers:
    """Return how good a model is on the evening, by the functions of `framelane evaluate`.

    results: a file that keeps the numbers; file: that runs choose for the model; None: its own
    """
    if results.exists():
        return Numbers(**json.loads(results.read_text()))
    labels, recording = truth_file("evening"), video("evening")
    with open_model(file or model) as opened:
        found = load_labelled(labels, opened.class_names, video=recording)
        precision = score(evaluate_images(opened, found.images), found.classes).numbers
    true = read_labels(labels, Findings())
    tracks = scores(true, {"evening": str(recording)}, str(model), None, "lane").overall
    numbers = Numbers(
        precision["ap50/person"],
        precision["ap"],
        tracks.hota.hota,
        tracks.clear.misses,
        tracks.clear.false_positives,
        tracks.clear.objects,
    )
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(asdict(numbers)))
    return numbers


def row(what: str, numbers: Sequence[Numbers]) -> str:
    """Return a line of the table: the mean of some trainings, and AP50 of each."""
    each = ", ".join(f"{one.ap50:.3f}" for one in numbers)
    means = [mean(getattr(one, name) for one in numbers) for name in ("ap50", "ap", "hota")]
    counts = [
        mean(getattr(one, name) for one in numbers) for name in ("missed", "false", "touched")
    ]
    shown = [f"{value:.3f}" for value in means] + [f"{value:.0f}" for value in counts]
    return f"| {what} | {' | '.join(shown)} | {each} |"


@click.command()
@click.option("--seeds", type=click.IntRange(1, len(SEEDS)), default=len(SEEDS), show_default=True)
def main(seeds: int) -> None:
    """Print the table of docs/annotating.md."""
    cut(find_data())
    click.echo("| model | AP50 | AP | HOTA | missed | false | to touch | AP50 of each |")
    click.echo("|" + "---|" * 8)
    click.echo(row("`street`", [measured("street", FOLDER / "street" / "numbers.json")]))
    first = by_select("street", FOLDER / "street")
    rounds = [Round(f"select-{seed}", "street", first, seed) for seed in SEEDS[:seeds]]
    rounds += [Round(f"random-{seed}", "street", by_chance(seed), seed) for seed in SEEDS[:seeds]]
    rounds.sort(key=lambda each: each.seed)  # a first answer early
    made = {each.name: trained(each) for each in rounds}
    for way in ("select", "random"):
        found = [numbers for name, numbers in made.items() if name.startswith(way)]
        click.echo(row(f"60 frames, {way}", found))
    before = rounds[0]
    again = by_select(str(before.model), before.folder, first)
    start = str(before.model.with_name("best.safetensors"))
    last = Round("again", start, again, seed=0, earlier=first)
    click.echo(row("60 more by select, from the first", [trained(last)]))
    click.echo(row("the same in INT8", [quantised(last)]))


if __name__ == "__main__":
    main()
