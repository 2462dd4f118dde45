"""Augmentation: from labelled pictures to what the network trains on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.detections import Float32Array, UInt8Array
from trainer.colour import jitter
from trainer.cutout import cut_out
from trainer.mosaic import mosaic
from trainer.paste import pasted
from trainer.picture import Picture
from trainer.samples import Dataset
from trainer.warp import Affine, warped


class AugmentOptions(BaseModel):
    """How pictures are changed, in the terms of YOLOv7; the defaults are those of YOLOv7-tiny."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mosaic: float = Field(default=1.0, ge=0, le=1, description="probability of a mosaic of four")
    mosaic_epochs: int | None = Field(
        default=None, ge=0, description="no mosaic after so many epochs"
    )
    whole: float = Field(
        default=0.0, ge=0, le=1, description="probability of a picture as it is: not moved or cut"
    )
    translate: float = Field(
        default=0.1, ge=0, le=1, description="shift, +- fraction of the input size"
    )
    scale: float = Field(default=0.5, ge=0, lt=1, description="resize, +- fraction")
    fliplr: float = Field(default=0.5, ge=0, le=1, description="probability of left for right")
    hsv_h: float = Field(default=0.015, ge=0, le=1, description="change of hue, +- fraction")
    hsv_s: float = Field(default=0.7, ge=0, le=1, description="change of saturation, +- fraction")
    hsv_v: float = Field(default=0.4, ge=0, le=1, description="change of brightness, +- fraction")
    paste_in: float = Field(
        default=0.0, ge=0, le=1, description="probability of objects out of other pictures"
    )
    least_visible: float = Field(
        default=0.1, ge=0, le=1, description="share of an object that must be seen to be labelled"
    )

    def over_variant(self, variant: str) -> AugmentOptions:
        """Return the published options of a YOLOv7 variant, with what was set here over them."""
        published = {} if "tiny" in variant else {"translate": 0.2, "scale": 0.9}
        return AugmentOptions(**{**published, **self.model_dump(exclude_unset=True)})


class Augment:
    """The pictures of a data set, changed anew in every epoch; same seed, same pictures.

    All are read at once and kept in memory, scaled to fit `size` (that is what mosaics and warps
    start from): 0.34 MB each at 256 x 448. Pictures that the data set repeats are kept once.
    """

    def __init__(
        self, dataset: Dataset, size: tuple[int, int], options: AugmentOptions, seed: int
    ) -> None:
        """Read all of `dataset` for a network of `size` (height, width)."""
        self._size, self._options, self._seed = size, options, seed
        self._pictures = list(_kept_once(dataset, size))
        self._cutouts = cut_out(self._pictures) if options.paste_in else []

    def __len__(self) -> int:
        return len(self._pictures)

    def augmented(self, index: int, epoch: int) -> tuple[UInt8Array, Float32Array]:
        """Return picture `index` as it is in `epoch`; from any thread.

        The image is (h, w, 3) uint8 RGB; the targets are (n, 5) float32: class, cx, cy, w, h,
        fractions of the image.
        """
        rng = np.random.default_rng((self._seed, epoch, index))
        picture = self._composed(index, epoch, rng)
        image = jitter(picture.image, self._gains(rng))
        changed = Picture(image, picture.boxes_xyxy, picture.class_ids)
        if rng.random() < self._options.fliplr:
            changed = changed.flipped()
        return changed.image, changed.targets()

    def _composed(self, index: int, epoch: int, rng: np.random.Generator) -> Picture:
        options, picture = self._options, self._populated(index, rng)
        if options.whole and rng.random() < options.whole:
            return picture.letterboxed(self._size)
        over = options.mosaic_epochs is not None and epoch >= options.mosaic_epochs
        if not over and rng.random() < options.mosaic:
            others = [self._populated(int(i), rng) for i in rng.integers(len(self), size=3)]
            picture = mosaic([picture, *others], self._size, rng, options.least_visible)
        else:
            picture = picture.letterboxed(self._size)
        affine = Affine.drawn(rng, options.scale, options.translate)
        return warped(picture, affine, self._size, options.least_visible)

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


def _kept_once(dataset: Dataset, size: tuple[int, int]) -> Iterator[Picture]:
    """Yield every sample scaled to fit `size`, the same object where a sample comes again."""
    kept: dict[str, Picture] = {}
    for index in range(len(dataset)):
        sample = dataset[index]
        if sample.key not in kept:
            kept[sample.key] = Picture.fitted(sample, size)
        yield kept[sample.key]
