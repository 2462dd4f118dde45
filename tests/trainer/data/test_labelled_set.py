"""Labels of annotation tools are trained on as our own are."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from detector.labels.formats import write_labels
from detector.labels.labelled import LabelledSet
from tests.support import labels as made
from trainer.data.clip import Clip
from trainer.data.data_errors import Findings
from trainer.data.datasets import LabelsSpec, load_dataset
from trainer.data.samples import Sample

CLASSES = ["car", "person", "bicycle"]  # in another order than in the files
NAME = "person-bicycle-car-detection"


@pytest.fixture(scope="module")
def street(data: Path) -> LabelledSet:
    labels = made.street(data, limit=40)
    return LabelledSet(labels.classes, tuple(c for c in labels.clips if c.name == NAME))


def samples(**spec: object) -> list[Sample]:
    found = load_dataset([LabelsSpec.model_validate(spec)], CLASSES)
    return [found[k] for k in range(len(found))]


@pytest.mark.parametrize("name", ["a.cvat.zip", "a.coco.json", "a.labelstudio.json", "a.mot.zip"])
def test_frames_of_a_recording_have_the_boxes_of_our_own_layout(
    name: str, street: LabelledSet, data: Path, tmp_path: Path
) -> None:
    write_labels(street, tmp_path / name)
    video = data / f"street/videos/{NAME}.mp4"
    found = samples(labels=tmp_path / name, video=video, every=13)
    own = Clip(video, CLASSES, Findings(), (1, 40), 13)
    assert len(found) == len(own) == 4
    for one, other in zip(found, (own[k] for k in range(4)), strict=True):
        assert np.array_equal(one.image, other.image) and one.key == other.key
        assert np.allclose(one.boxes_xyxy, other.boxes_xyxy, atol=1e-3)
        assert one.class_ids.tolist() == other.class_ids.tolist()


def test_images_are_those_beside_the_labels(street: LabelledSet, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 256, (432, 768, 3), np.uint8) for _ in range(40)]
    encoded = [cv2.imencode(".png", image)[1].tobytes() for image in drawn[:3]] * 14
    for name in ("a.yolo.zip", "a.coco", "a.cvat.zip", "a.mot"):
        write_labels(street, tmp_path / name, lambda clip, k: (encoded[k], ".png"))
        found = load_dataset([LabelsSpec(labels=tmp_path / name)], CLASSES)
        assert len(found) == 40 and found.random_access
        assert found.counts.objects == street.box_count
        assert np.array_equal(found[4].image, drawn[1][..., ::-1])


def test_a_frame_is_upright_as_labels_are(data: Path, tmp_path: Path) -> None:
    video = data / "awkward/portrait_rot90.mp4"
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/labels.txt").write_text("car\n")
    (tmp_path / "gt/gt.txt").write_text("1,1,1,2,10,20,1,1,1\n")
    (found,) = samples(labels=tmp_path, video=video)
    with av.open(str(video)) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="bgr24")
    capture = cv2.VideoCapture(str(video))  # which turns frames itself
    upright = capture.read()[1]
    capture.release()
    assert found.image.shape == upright.shape != np.asarray(stored).shape
    assert np.abs(found.image[..., ::-1].astype(int) - upright).mean() < 3


def test_boxes_to_ignore_become_regions_of_their_class(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/labels.txt").write_text("person\n")
    (tmp_path / "gt/gt.txt").write_text("1,1,-5,2,10,20,0,1,1\n1,2,1,2,99,20,1,1,1\n")
    (tmp_path / "img1").mkdir()
    cv2.imwrite(str(tmp_path / "img1/000001.png"), np.zeros((40, 60, 3), np.uint8))
    (found,) = samples(labels=tmp_path)
    assert found.ignore_xyxy.tolist() == [[0, 2, 5, 22]] and found.ignore_class_ids is not None
    assert found.ignore_class_ids.tolist() == [1] == found.class_ids.tolist()
    assert found.boxes_xyxy.tolist() == [[1, 2, 60, 22]]


def test_what_is_missing_or_wrong_is_an_error_that_says_what_to_do(
    street: LabelledSet, tmp_path: Path
) -> None:
    path = tmp_path / "a.coco.json"
    write_labels(street, path)
    with pytest.raises(UsageError, match=r"no image 'frame_000000\.jpg'.* 'video'"):
        samples(labels=path)
    with pytest.raises(UsageError, match="no split 'val': it has no splits"):
        samples(labels=path, split="val")
    with pytest.raises(UsageError, match=f"no recording of clip '{NAME}' there"):
        samples(labels=path, video=tmp_path)
    path.write_text(path.read_text().replace('"category_id":3', '"category_id":9', 1))
    with pytest.raises(UsageError, match=r"a\.coco\.json: annotation 1: no category has the id 9"):
        samples(labels=path, video=tmp_path / "none.mp4")
