"""Augmentation: labelled images become the images that the network trains on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from detector.detections import Float32Array, UInt8Array
from trainer.augment.colour import jitter
from trainer.augment.cutout import cut_out
from trainer.augment.mixup import mixed
from trainer.augment.mosaic import mosaic, mosaic_of_nine
from trainer.augment.paste import pasted
from trainer.augment.warp import View, warped
from trainer.data.image_cache import LabelledImages, cached_in_memory
from trainer.data.labelled_image import LabelledImage
from trainer.data.samples import Dataset

# Of images that are not cached in memory, at most so many are read; of those that are, all
MAX_CUT_OUT_IMAGES = 1000  # to cut objects out of; they are in memory at the same time
MAX_MEASURED_IMAGES = 5000  # to measure the sizes of objects on

RENAMED_OPTIONS = {"least_visible": "min_visible"}  # the old names work until the next release


class AugmentOptions(BaseModel):
    """Options of augmentation, as YOLOv7 names them; the defaults are those of YOLOv7-tiny."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mosaic: float = Field(default=1.0, ge=0, le=1, description="probability of a mosaic")
    mosaic_epochs: int | None = Field(
        default=None, ge=0, description="number of first epochs with mosaics; default: all"
    )
    nine: float = Field(
        default=0.0, ge=0, le=1, description="fraction of mosaics made of nine images"
    )
    mixup: float = Field(
        default=0.0, ge=0, le=1, description="probability of mixing a second mosaic into the first"
    )
    whole: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="probability of the whole image: no mosaic, shift or cut; it may be flipped",
    )
    translate: float = Field(
        default=0.1, ge=0, le=1, description="shift, +- fraction of the input size"
    )
    scale: float = Field(default=0.5, ge=0, lt=1, description="change of size, +- fraction")
    rotate: float = Field(default=0.0, ge=0, le=180, description="rotation, +- degrees")
    shear: float = Field(default=0.0, ge=0, lt=90, description="shear, +- degrees")
    perspective: float = Field(
        default=0.0, ge=0, le=0.001, description="perspective, +- 1 / pixels; 0.001 is strong"
    )
    fliplr: float = Field(default=0.5, ge=0, le=1, description="probability of a horizontal flip")
    flipud: float = Field(default=0.0, ge=0, le=1, description="probability of a vertical flip")
    hsv_h: float = Field(default=0.015, ge=0, le=1, description="change of hue, +- fraction")
    hsv_s: float = Field(default=0.7, ge=0, le=1, description="change of saturation, +- fraction")
    hsv_v: float = Field(default=0.4, ge=0, le=1, description="change of brightness, +- fraction")
    paste_in: float = Field(
        default=0.0, ge=0, le=1, description="probability of pasting objects from other images"
    )
    min_visible: float = Field(
        default=0.1,
        ge=0,
        le=1,
        validation_alias=AliasChoices("min_visible", "least_visible"),  # saved by older versions
        description="fraction of an object's area that must be visible for it to be labelled",
    )

    def with_published_defaults(self, variant: str) -> AugmentOptions:
        """Return these options, with those not set taken from a YOLOv7 variant as published."""
        published = {} if "tiny" in variant else {"translate": 0.2, "scale": 0.9}
        return AugmentOptions(**{**published, **self.model_dump(exclude_unset=True)})


class Augmenter:
    """The images of a data set, augmented differently in each epoch; same seed, same images."""

    def __init__(
        self,
        dataset: Dataset,
        size: tuple[int, int],
        options: AugmentOptions,
        seed: int,
        images: LabelledImages | None = None,
    ) -> None:
        """Take `dataset` for a network of `size` (height, width).

        images: the images of `dataset` scaled to fit `size`; default: all are read into memory now
        """
        self._size, self._options, self._seed = size, options, seed
        self._images = cached_in_memory(dataset, size) if images is None else images
        self._cutouts = cut_out(self._sample(MAX_CUT_OUT_IMAGES)) if options.paste_in else []

    def _sample(self, max_count: int) -> Sequence[LabelledImage]:
        """Return all images if they are in memory, else at most `max_count`, evenly spread."""
        if isinstance(self._images, list):
            return self._images
        count = min(max_count, len(self))
        chosen = np.linspace(0, len(self) - 1, count).round().astype(int)
        return [self._images[index] for index in chosen.tolist()]

    def __len__(self) -> int:
        return len(self._images)

    def augmented(self, index: int, epoch: int) -> tuple[UInt8Array, Float32Array]:
        """Return image `index` as augmented in `epoch`; called from any thread.

        The image is (h, w, 3) uint8 RGB; the targets are (n, 5) float32: class or IGNORED, cx, cy,
        w, h, as fractions of the image.
        """
        rng = np.random.default_rng((self._seed, epoch, index))
        labelled = self._composed(index, epoch, rng)
        image = jitter(labelled.image, self._gains(rng))
        changed = LabelledImage(image, labelled.boxes_xyxy, labelled.class_ids)
        options = self._options
        if rng.random() < options.fliplr:
            changed = changed.flipped()
        if options.flipud and rng.random() < options.flipud:
            changed = changed.flipped_vertically()
        return changed.image, changed.targets()

    def object_sides(self) -> Float32Array:
        """Return (n, 2) float32: width and height of the objects, in input pixels."""
        boxes = np.concatenate([each.objects_xyxy for each in self._sample(MAX_MEASURED_IMAGES)])
        sides: Float32Array = boxes[:, 2:] - boxes[:, :2]
        return sides

    def _composed(self, index: int, epoch: int, rng: np.random.Generator) -> LabelledImage:
        # At 0, an option whose default is 0 draws no random number. So a recipe that is older than
        # the option still gives the same images.
        options, labelled = self._options, self._maybe_pasted(index, rng)
        if options.whole and rng.random() < options.whole:
            return labelled.letterboxed(self._size)
        mosaics_ended = options.mosaic_epochs is not None and epoch >= options.mosaic_epochs
        if mosaics_ended or rng.random() >= options.mosaic:
            return self._random_view(labelled.letterboxed(self._size), rng)
        composed = self._mosaic(labelled, rng)
        if options.mixup and rng.random() < options.mixup:
            other = self._maybe_pasted(int(rng.integers(len(self))), rng)
            composed = mixed(composed, self._mosaic(other, rng), rng)
        return composed

    def _mosaic(self, labelled: LabelledImage, rng: np.random.Generator) -> LabelledImage:
        """Return a random view of a mosaic of this image and random others."""
        options = self._options
        nine = bool(options.nine) and rng.random() < options.nine
        others = [
            self._maybe_pasted(int(i), rng) for i in rng.integers(len(self), size=8 if nine else 3)
        ]
        join = mosaic_of_nine if nine else mosaic
        return self._random_view(
            join([labelled, *others], self._size, rng, options.min_visible), rng
        )

    def _random_view(self, labelled: LabelledImage, rng: np.random.Generator) -> LabelledImage:
        """Return a random view of an image."""
        options = self._options
        view = View.drawn(
            rng,
            options.scale,
            options.translate,
            rotate=options.rotate,
            shear=options.shear,
            perspective=options.perspective,
        )
        return warped(labelled, view, self._size, options.min_visible)

    def _maybe_pasted(self, index: int, rng: np.random.Generator) -> LabelledImage:
        """Return image `index`, sometimes with objects pasted from other images."""
        labelled, options = self._images[index], self._options
        if self._cutouts and rng.random() < options.paste_in:
            return pasted(labelled, self._cutouts, rng, options.min_visible)
        return labelled

    def _gains(self, rng: np.random.Generator) -> Float32Array:
        limits = np.array([self._options.hsv_h, self._options.hsv_s, self._options.hsv_v])
        gains: Float32Array = (1 + rng.uniform(-1, 1, 3) * limits).astype(np.float32)
        return gains
