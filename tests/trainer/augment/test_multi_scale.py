"""Each batch has a random size that depends only on its position in the training."""

from __future__ import annotations

import numpy as np

from trainer.augment.multi_scale import MultiScale

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 128, 256, 3), np.uint8)
TARGETS = np.array([[0, 1, 0.5, 0.5, 0.2, 0.2]], np.float32)


def sizes(change: MultiScale, batches: int = 60) -> list[tuple[int, int]]:
    made = [change(IMAGES, TARGETS, 3, number)[0].shape for number in range(batches)]
    return [(shape[1], shape[2]) for shape in made]


def test_all_multiples_within_the_spread_occur_and_no_others() -> None:
    found = sizes(MultiScale(spread=0.5, step=32, seed=0))
    assert {height for height, _ in found} == {64, 96, 128, 160, 192}
    assert all(width % 32 == 0 and 128 <= width <= 384 for _, width in found)
    assert all(abs(width - 2 * height) <= 32 for height, width in found)


def test_the_same_seed_gives_the_same_sizes() -> None:
    one, again, other = (sizes(MultiScale(0.5, 32, seed)) for seed in (1, 1, 2))
    assert one == again != other


def test_without_spread_a_batch_is_unchanged() -> None:
    images, targets = MultiScale(0.0, 32, 0)(IMAGES, TARGETS, 0, 0)
    assert images is IMAGES and targets is TARGETS


def test_a_shrunken_image_keeps_its_mean() -> None:
    change = MultiScale(0.5, 32, 0)
    number = next(k for k, size in enumerate(sizes(change)) if size == (64, 128))
    small = change(IMAGES, TARGETS, 3, number)[0]
    np.testing.assert_allclose(small.mean(axis=(1, 2)), IMAGES.mean(axis=(1, 2)), atol=0.5)
