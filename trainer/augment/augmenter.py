"""Augmentation: from labelled pictures to what the network trains on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.detections import Float32Array, UInt8Array
from trainer.augment.colour import jitter
from trainer.augment.cutout import cut_out
from trainer.augment.mixup import mixed
from trainer.augment.mosaic import mosaic, mosaic_of_nine
from trainer.augment.paste import pasted
from trainer.augment.warp import View, warped
from trainer.data.image_cache import Pictures, kept_in_memory
from trainer.data.labelled_image import Picture
from trainer.data.samples import Dataset

CUT_FROM = 1000  # pictures; more would have to be in memory at the same time
MEASURED = 5000  # pictures


class AugmentOptions(BaseModel):
    """How pictures are changed, in the terms of YOLOv7; the defaults are those of YOLOv7-tiny."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mosaic: float = Field(default=1.0, ge=0, le=1, description="probability of a mosaic")
    mosaic_epochs: int | None = Field(
        default=None, ge=0, description="no mosaic after so many epochs"
    )
    nine: float = Field(default=0.0, ge=0, le=1, description="part of the mosaics that are of nine")
    mixup: float = Field(
        default=0.0, ge=0, le=1, description="probability of a second mosaic over the first"
    )
    whole: float = Field(
        default=0.0, ge=0, le=1, description="probability of a picture as it is: not moved or cut"
    )
    translate: float = Field(
        default=0.1, ge=0, le=1, description="shift, +- fraction of the input size"
    )
    scale: float = Field(default=0.5, ge=0, lt=1, description="resize, +- fraction")
    rotate: float = Field(default=0.0, ge=0, le=180, description="turn, +- degrees")
    shear: float = Field(default=0.0, ge=0, lt=90, description="+- degrees")
    perspective: float = Field(
        default=0.0, ge=0, le=0.001, description="+- 1 / pixels; 0.001 is strong"
    )
    fliplr: float = Field(default=0.5, ge=0, le=1, description="probability of left for right")
    flipud: float = Field(default=0.0, ge=0, le=1, description="probability of top for bottom")
    hsv_h: float = Field(default=0.015, ge=0, le=1, description="change of hue, +- fraction")
    hsv_s: float = Field(default=0.7, ge=0, le=1, description="change of saturation, +- fraction")
    hsv_v: float = Field(default=0.4, ge=0, le=1, description="change of brightness, +- fraction")
    paste_in: float = Field(
        default=0.0, ge=0, le=1, description="probability of objects out of other pictures"
    )
    least_visible: float = Field(
        default=0.1, ge=0, le=1, description="share of an object to be labelled"
    )

    def over_variant(self, variant: str) -> AugmentOptions:
        """Return the published options of a YOLOv7 variant, with what was set here over them."""
        published = {} if "tiny" in variant else {"translate": 0.2, "scale": 0.9}
        return AugmentOptions(**{**published, **self.model_dump(exclude_unset=True)})


class Augment:
    """The pictures of a data set, changed anew in every epoch; same seed, same pictures."""

    def __init__(
        self,
        dataset: Dataset,
        size: tuple[int, int],
        options: AugmentOptions,
        seed: int,
        pictures: Pictures | None = None,
    ) -> None:
        """Take `dataset` for a network of `size` (height, width).

        pictures: the same, scaled to fit `size`; default: all are read now and kept in memory
        """
        self._size, self._options, self._seed = size, options, seed
        self._pictures = kept_in_memory(dataset, size) if pictures is None else pictures
        self._cutouts = cut_out(self._some(CUT_FROM)) if options.paste_in else []

    def _some(self, most: int) -> Sequence[Picture]:
        """Return all pictures that are kept, or `most` of those that are not, from everywhere."""
        if isinstance(self._pictures, list):
            return self._pictures
        count = min(most, len(self))
        chosen = np.linspace(0, len(self) - 1, count).round().astype(int)
        return [self._pictures[index] for index in chosen.tolist()]

    def __len__(self) -> int:
        return len(self._pictures)

    def augmented(self, index: int, epoch: int) -> tuple[UInt8Array, Float32Array]:
        """Return picture `index` as it is in `epoch`; from any thread.

        The image is (h, w, 3) uint8 RGB; the targets are (n, 5) float32: class or IGNORED, cx, cy,
        w, h, fractions of the image.
        """
        rng = np.random.default_rng((self._seed, epoch, index))
        picture = self._composed(index, epoch, rng)
        image = jitter(picture.image, self._gains(rng))
        changed = Picture(image, picture.boxes_xyxy, picture.class_ids)
        options = self._options
        if rng.random() < options.fliplr:
            changed = changed.flipped()
        if options.flipud and rng.random() < options.flipud:
            changed = changed.upside_down()
        return changed.image, changed.targets()

    def sides(self) -> Float32Array:
        """Return (n, 2) float32: width and height of all objects, in pixels of the input."""
        boxes = np.concatenate([each.objects_xyxy for each in self._some(MEASURED)])
        sides: Float32Array = boxes[:, 2:] - boxes[:, :2]
        return sides

    def _composed(self, index: int, epoch: int, rng: np.random.Generator) -> Picture:
        # what an option of 0 turns off draws no random number: recipes from before there was
        # the option give the pictures that they always gave
        options, picture = self._options, self._populated(index, rng)
        if options.whole and rng.random() < options.whole:
            return picture.letterboxed(self._size)
        over = options.mosaic_epochs is not None and epoch >= options.mosaic_epochs
        if over or rng.random() >= options.mosaic:
            return self._seen(picture.letterboxed(self._size), rng)
        composed = self._mosaic(picture, rng)
        if options.mixup and rng.random() < options.mixup:
            other = self._populated(int(rng.integers(len(self))), rng)
            composed = mixed(composed, self._mosaic(other, rng), rng)
        return composed

    def _mosaic(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Return a view of a mosaic of this picture and random others."""
        options = self._options
        nine = bool(options.nine) and rng.random() < options.nine
        others = [
            self._populated(int(i), rng) for i in rng.integers(len(self), size=8 if nine else 3)
        ]
        join = mosaic_of_nine if nine else mosaic
        return self._seen(join([picture, *others], self._size, rng, options.least_visible), rng)

    def _seen(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Return a random view of a picture."""
        options = self._options
        view = View.drawn(
            rng,
            options.scale,
            options.translate,
            rotate=options.rotate,
            shear=options.shear,
            perspective=options.perspective,
        )
        return warped(picture, view, self._size, options.least_visible)

    def _populated(self, index: int, rng: np.random.Generator) -> Picture:
        """Return picture `index`, now and then with objects of others in it."""
        picture, options = self._pictures[index], self._options
        if self._cutouts and rng.random() < options.paste_in:
            return pasted(picture, self._cutouts, rng, options.least_visible)
        return picture

    def _gains(self, rng: np.random.Generator) -> Float32Array:
        most = np.array([self._options.hsv_h, self._options.hsv_s, self._options.hsv_v])
        gains: Float32Array = (1 + rng.uniform(-1, 1, 3) * most).astype(np.float32)
        return gains
