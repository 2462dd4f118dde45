"""A data set that a network learns in seconds: a red and a blue rectangle per image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from trainer.recipe import Recipe

SIDE = 64
UNCHANGED = ("mosaic", "scale", "translate", "fliplr", "hsv_h", "hsv_s", "hsv_v")
RED_BLUE_BGR = ((40, 40, 255), (255, 40, 40))


def draw_rectangles(folder: Path, images: int = 8) -> Path:
    """Write a data set in YOLO layout, and return the path of its data.yaml."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for number in range(images):
        image = np.full((SIDE, SIDE, 3), 90, np.uint8)
        lines = []
        for class_id, colour in enumerate(RED_BLUE_BGR):
            w, h = rng.integers(14, 30, 2)
            x, y = rng.integers(0, SIDE // 2 - w) + SIDE // 2 * class_id, rng.integers(0, SIDE - h)
            image[y : y + h, x : x + w] = colour
            box = np.array([x + w / 2, y + h / 2, w, h]) / SIDE
            lines.append(" ".join(map(str, [class_id, *box])))
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
        (folder / f"labels/{number}.txt").write_text("\n".join(lines))
    described = folder / "data.yaml"
    described.write_text("names: [red, blue]\nall: images\n")
    return described


def rectangles_recipe(described: Path, **options: Any) -> Recipe:
    """Return a small, quick recipe for this data, with `options` overriding its values."""
    whole = {"yolo": described, "split": "all"}
    values: dict[str, Any] = {
        "width": 0.25,
        "size": (SIDE, SIDE),
        "data": {"classes": ["red", "blue"], "train": [whole | {"repeat": 4}], "val": [whole]},
        "epochs": 3,
        "batch": 4,
        "nominal_batch": 8,
        "optimiser": {"lr": 0.02, "warmup_epochs": 3, "final_lr": 0.1},
        "average": {"decay": 0.9, "ramp": 5},
        "loss": {"objectness": 10, "classification": 10},  # compensates the scaling to a tiny image
        "augment": dict.fromkeys(UNCHANGED, 0),
        "workers": 1,
    }
    return Recipe.model_validate(values | options)
