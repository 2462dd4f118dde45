"""Data sets return what their files contain, and errors in the files are named."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from shutil import copyfile
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.detections import Float32Array, UInt8Array
from detector.errors import UsageError
from trainer.data.batches import batch_count, batches
from trainer.data.clip import Clip
from trainer.data.counts import Counts
from trainer.data.data_errors import Findings
from trainer.data.datasets import ClipSpec, YoloSpec, load_dataset
from trainer.data.samples import Dataset
from trainer.recipe import load_recipe

STREET = ["person", "bicycle", "car"]
BCCD = ["RBC", "WBC", "Platelets"]
CLIP = "person-bicycle-car-detection"
SIZE = np.array([768, 432, 768, 432])
VALIDATION = {
    CLIP: (251, 459),
    "car-detection": (261, 377),
    "one-by-one-person-detection": (901, 1394),
}


def yolo_rows(path: Path) -> NDArray[np.float64]:
    """Return class, x0, y0, x1, y1 in 768 x 432 pixels, read independently of our code."""
    rows = np.array([line.split() for line in path.read_text().splitlines()], float).reshape(-1, 5)
    centre, half = rows[:, 1:3], rows[:, 3:5] / 2
    return np.column_stack([rows[:, 0], np.hstack([centre - half, centre + half]) * SIZE])


def ffmpeg_frame(path: Path, frame: int) -> UInt8Array:
    """Return a frame, counted from 1, as ffmpeg decodes it."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", f"select=eq(n\\,{frame - 1})"]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(432, 768, 3)


def clip_of(data: Path, **options: Any) -> Clip:
    return Clip(data / f"street/videos/{CLIP}.mp4", STREET, Findings(), **options)


def yolo(path: Path, split: str, classes: list[str]) -> Dataset:
    """Load a split as a recipe does, refusing errors."""
    return load_dataset([YoloSpec(yolo=path, split=split)], classes)


def test_the_labels_of_a_clip_belong_to_its_frames(data: Path) -> None:
    clip = clip_of(data, frames=(100, 200), every=7)
    assert len(clip) == 15
    for i in range(len(clip)):
        rows = yolo_rows(data / f"street/labels/{CLIP}/{100 + 7 * i:06d}.txt")
        assert clip[i].class_ids.tolist() == rows[:, 0].tolist()
        np.testing.assert_allclose(clip[i].boxes_xyxy, rows[:, 1:], atol=0.01)


def test_frames_are_numbered_in_decoding_order_in_whatever_order_they_are_read(
    data: Path,
) -> None:
    clip = clip_of(data, frames=(20, 40))
    for frame in (25, 38, 21):
        difference = np.abs(clip[frame - 20].image.astype(int) - ffmpeg_frame(clip.path, frame))
        assert difference.mean() < 1  # neighbouring frames differ by more than 2


def test_the_length_of_a_clip_is_the_number_of_decoded_frames(data: Path) -> None:
    assert len(clip_of(data)) == 459  # the header says 467


def test_regions_to_ignore_apply_to_their_frames(data: Path) -> None:
    clip = clip_of(data, frames=(107, 108))
    assert [clip[i].ignore_xyxy.tolist() for i in (0, 1)] == [
        [[500, 0, 516, 6]],
        [[514, 0, 523, 6]],
    ]


@pytest.mark.parametrize(
    ("text", "class_id"),
    [
        ("person\n\ntraffic light\n", 0),
        ("person car\ttraffic_light\n", 2),
        ("person car\ntraffic light\n", None),
        ("\ufeffperson\r\ncar\r\n", 2),
    ],
)
def test_class_names_are_separated_by_lines_or_white_space(
    data: Path, tmp_path: Path, text: str, class_id: int | None
) -> None:
    (tmp_path / "videos").mkdir()
    source = data / f"street/videos/{CLIP}.mp4"
    (tmp_path / "videos" / source.name).symlink_to(source)
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / f"{source.stem}.txt").write_text("1,1,10,10,50,50,1,1,1\n")
    (tmp_path / "classes.txt").write_text(text, encoding="utf-8")
    classes = ["traffic light", "person", "car", "traffic_light"]
    clip = Clip(tmp_path / "videos" / source.name, classes, Findings(), (1, 2))
    assert clip[0].class_ids.tolist() == [2 if class_id is None else class_id]
    assert clip.counts == Counts(images=2, objects=1, unlabelled=1)


def test_frames_beyond_the_end_of_a_clip_are_refused(data: Path) -> None:
    with pytest.raises(UsageError, match=r"frame 460 is asked for, but the clip has 459"):
        clip_of(data, frames=(458, 460))[2]


def test_a_yolo_folder_has_all_images_and_boxes(data: Path) -> None:
    splits = [yolo(data / "bccd/data.yaml", split, BCCD) for split in ("train", "val")]
    assert [len(split) for split in splits] == [292, 72]
    lines = (
        (data / "bccd/labels/val" / f"{Path(splits[1][5].key).stem}.txt").read_text().split("\n")
    )
    assert len(splits[1][5].boxes_xyxy) == len([line for line in lines if line])
    assert splits[1][5].image.shape == (480, 640, 3)


def test_classes_are_matched_by_name(data: Path) -> None:
    path = data / "bccd/data.yaml"
    plain, turned = yolo(path, "val", BCCD)[0], yolo(path, "val", BCCD[::-1])[0]
    assert (turned.class_ids == 2 - plain.class_ids).all()
    with pytest.raises(UsageError, match=r"class 'Platelets', which is not among .* RBC, WBC"):
        yolo(path, "val", BCCD[:2])


def write_yolo(folder: Path, label: str) -> Path:
    for name in ("images", "labels"):
        (folder / name).mkdir()
    cv2.imwrite(str(folder / "images/a.png"), np.zeros((40, 60, 3), np.uint8))
    (folder / "labels/a.txt").write_text(label)
    (folder / "data.yaml").write_text("names: [a, b]\ntrain: images\n")
    return folder / "data.yaml"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("2 .5 .5 .1 .1", "the class 2 is unknown: 0 to 1"),
        ("0.5 .5 .5 .1 .1", "the class 0.5 is unknown"),
        ("0 .5 1.5 .1 .1", "is out of range"),
        ("0 .5 .5 0 .1", "is out of range"),
        ("0 .5 .5 .1", "class cx cy w h, or class and .*: 5 numbers are expected, 4 given"),
        ("0 .5 .5 .1 nan", "finite numbers are expected, nan given"),
        ("0 .5 .5 .1 x", "numbers are expected"),
        ("1 .5 .5 1 1", "the same class and box as in an earlier line"),
    ],
)
def test_a_wrong_yolo_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = write_yolo(tmp_path, f"1 .5 .5 1 1\n\n{line}\n")
    with pytest.raises(UsageError, match=rf"labels/a\.txt:3: .*{complaint}"):
        yolo(path, "train", ["a", "b"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0,1,2,3,4,5,1,0,1", "the frame 0 is not a whole number from 1"),
        ("1,1,2,3,4,5,1,3,1", "the class 3 is unknown: 0 to 2"),
        ("1,1,768,3,4,5,1,0,1", "is empty or outside the image of 768 x 432"),
        ("1,1,2,3,4,0,1,0,1", "is empty or outside"),
        ("1,1,2,3,4,5,0,0,1", "0 in column 7, but only 1 .* is accepted"),
        ("1,1,2,3,4", "9 numbers are expected, 5 given"),
        ("1,7,2,3,4,5,1,0,1", "the same class and box as in an earlier line"),
    ],
)
def test_a_wrong_mot_line_is_named(tmp_path: Path, data: Path, line: str, complaint: str) -> None:
    for folder in ("videos", "gt"):
        (tmp_path / folder).mkdir()
    video = tmp_path / "videos/a.mp4"
    video.symlink_to(data / f"street/videos/{CLIP}.mp4")
    (tmp_path / "gt/a.txt").write_text(f"1,1,2,3,4,5,1,0,1\n{line}\n")
    with pytest.raises(UsageError, match=rf"gt/a\.txt:2: .*{complaint}"):
        load_dataset([ClipSpec(clip=video, frames=(1, 2))], STREET)


def test_an_image_without_a_label_file_has_no_objects(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, "0 .5 .5 1 1")
    copyfile(tmp_path / "images/a.png", tmp_path / "images/b.png")
    data = yolo(path, "train", ["a", "b"])
    assert [len(data[i].boxes_xyxy) for i in range(2)] == [1, 0]


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, "0 .5 .5 1 1")
    (tmp_path / "images/a.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match=r"images/a\.png: not an image"):
        yolo(path, "train", ["a", "b"])
    with pytest.raises(UsageError, match=r"images/a\.png: not a video"):
        Clip(tmp_path / "images/a.png", STREET, Findings())


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        (
            "clip: a.mp4, frame: [1, 2]",
            r"train\.0\.clip\.frame: unknown key; did you mean 'frames'",
        ),
        ("clip: a.mp4, frames: [5, 2]", r"train\.0\.clip: .*\[first, last\] is expected"),
        ("labels: a, vidoe: b.mp4", r"labels\.vidoe: unknown key; did you mean 'video'"),
        ("yolo: a, spit: val", r"yolo\.spit: unknown key; did you mean 'split'"),
        ("folder: a", r"'coco: annotations\.json', 'clip: video' or 'labels: cvat\.zip' is"),
    ],
)
def test_an_error_in_a_part_names_the_accepted_values(
    tmp_path: Path, part: str, complaint: str
) -> None:
    path = tmp_path / "recipe.yaml"
    data = f"{{classes: [a], train: [{{{part}}}], val: [{{yolo: a.yaml}}]}}"
    path.write_text(f"size: [64, 64]\nepochs: 1\ndata: {data}\n")
    with pytest.raises(UsageError, match=rf"recipe\.yaml: data\.{complaint}|{complaint}"):
        load_recipe(path)


def test_parts_are_concatenated_and_repeated(data: Path) -> None:
    clip = ClipSpec(clip=data / f"street/videos/{CLIP}.mp4", frames=(1, 3), repeat=2)
    folder = YoloSpec(yolo=data / "bccd/data.yaml", split="val")
    joined = load_dataset([clip, folder], STREET + BCCD)
    assert len(joined) == 2 * 3 + 72
    assert [joined[i].key[-2:] for i in range(6)] == ["#1", "#2", "#3"] * 2
    assert joined[6].class_ids.min() >= 3


@pytest.mark.parametrize("name", ["street-coarse", "street-fine", "street-large", "street"])
def test_the_bundled_model_is_never_trained_on_validation_frames(name: str) -> None:
    recipe = load_recipe(Path(name))
    trained = [part for part in recipe.data.train if isinstance(part, ClipSpec)]
    evaluated = [part for part in recipe.data.val if isinstance(part, ClipSpec)]
    assert {part.clip.stem: part.frames for part in evaluated} == VALIDATION
    for part in trained:
        if part.clip.stem in VALIDATION:
            assert part.frames is not None and part.frames[1] < VALIDATION[part.clip.stem][0]


class Numbered:
    """Images whose pixels are their own number."""

    def __len__(self) -> int:
        return 23

    def augmented(self, index: int, epoch: int) -> tuple[UInt8Array, Float32Array]:
        target = np.full((index % 3, 5), epoch, np.float32)
        return np.full((2, 2, 3), index, np.uint8), target


def test_an_epoch_shows_every_image_once_with_its_targets() -> None:
    made = list(batches(Numbered(), 5, seed=3, epoch=7))
    assert [len(images) for images, _ in made] == [5, 5, 5, 5, 3]
    assert len(made) == batch_count(23, 5)
    assert Counter(int(image[0, 0, 0]) for images, _ in made for image in images) == Counter(
        range(23)
    )
    for images, targets in made:
        assert targets.dtype == np.float32 and (targets[:, 1:] == 7).all()
        count = np.bincount(targets[:, 0].astype(int), minlength=len(images))
        assert count.tolist() == (images[:, 0, 0, 0] % 3).tolist()


@pytest.mark.parametrize(("workers", "forked"), [(0, False), (1, False), (3, False), (2, True)])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_resumed_epoch_has_the_same_remaining_batches(workers: int, forked: bool) -> None:
    whole = list(batches(Numbered(), 5, seed=3, epoch=7, workers=0))
    rest = list(batches(Numbered(), 5, seed=3, epoch=7, start=2, workers=workers, forked=forked))
    assert len(rest) == 3
    for (images, targets), (images_before, targets_before) in zip(rest, whole[2:], strict=True):
        assert (images == images_before).all() and (targets == targets_before).all()


def test_the_order_depends_on_seed_and_epoch() -> None:
    first = {
        (seed, epoch): next(batches(Numbered(), 23, seed=seed, epoch=epoch))[0].tobytes()
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(set(first.values())) == 4
