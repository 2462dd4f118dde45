"""The training loop, from a recipe to the best weights."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import torch

from detector.checkpoint import load_weights, save_weights
from detector.errors import UsageError
from detector.network import Network, build_network
from trainer.augment import Augment
from trainer.batches import Batch, batch_count, batches
from trainer.data import load_dataset
from trainer.display import Display, write_results
from trainer.evaluate import evaluate, network_model
from trainer.interrupt import asked_to_stop
from trainer.loss import DetectionLoss, Gains
from trainer.optimise import MovingAverage, Schedule, make_optimiser
from trainer.parallel import Gradients
from trainer.recipe import Recipe
from trainer.samples import Dataset
from trainer.score import Report
from trainer.state import Learner, Progress, Row, load_state, save_state

STATE, BEST, RESULTS = "state.safetensors", "best.safetensors", "results.csv"
PARTS = ("box", "objectness", "classification", "loss")


def train(recipe: Recipe, folder: Path, display: Display, *, resume: bool = False) -> bool:
    """Train as `recipe` says, in `folder`; return whether it came to its end.

    On Ctrl-C or SIGTERM it saves and returns False; with `resume` it goes on from the last state in
    `folder`, and ends up where it would have without the break. `best.safetensors` holds the
    averaged weights that did best on the validation data. Raises UsageError for what is wrong with
    recipe, data or folder, FramelaneError if the loss explodes.
    """
    if (folder / STATE).exists() and not resume:
        raise UsageError(
            f"{folder}: holds a training already: go on with --resume, or give another --output"
        )
    cv2.setNumThreads(1)  # pictures are prepared by threads of our own
    classes = recipe.data.classes
    options = recipe.augment.over_variant(recipe.network)
    data = load_dataset(recipe.data.train, classes)
    pictures = Augment(data, recipe.size, options, recipe.seed)
    val = load_dataset(recipe.data.val, classes)
    with closing(display):
        return Training(recipe, folder, pictures, val, display).run()


class Training:
    """A training under way."""

    def __init__(
        self, recipe: Recipe, folder: Path, pictures: Augment, val: Dataset, display: Display
    ) -> None:
        """Start anew, or from the state in `folder` if there is one."""
        self._recipe, self._folder, self._display = recipe, folder, display
        self._pictures, self._val = pictures, val
        self._per_epoch = batch_count(len(pictures), recipe.batch)
        self._network = _make_network(recipe)
        self._average = MovingAverage(self._network, recipe.average)
        scale = recipe.batch * recipe.accumulate / recipe.nominal_batch
        self._optimiser = make_optimiser(self._network, recipe.optimiser, scale)
        self._schedule = Schedule(recipe.optimiser, self._per_epoch, recipe.epochs)
        loss_of = _make_loss(self._network, recipe)
        self._gradients = Gradients(self._network, loss_of, recipe.accumulate, recipe.amp)
        self._learner = Learner(self._network, self._average, self._optimiser)
        self._progress = Progress()
        if (folder / STATE).exists():
            self._progress = load_state(folder / STATE, self._learner, recipe.fingerprint)
        self._saved_at = time.monotonic()

    def run(self) -> bool:
        """Train to the end, or until asked to stop; return whether it came to its end."""
        with asked_to_stop() as asked, closing(self._gradients):
            while self._progress.epoch < self._recipe.epochs:
                self._begin_epoch()
                with closing(self._batches()) as epoch:
                    while group := list(islice(epoch, self._recipe.accumulate)):
                        self._step(group)
                        if asked.is_set() or self._is_due():
                            self._save()
                        if asked.is_set():
                            return False
                self._end_epoch()
        return True

    def _begin_epoch(self) -> None:
        self._began, self._seen = time.monotonic(), 0
        self._display.epoch_begins(self._progress.epoch, self._progress.batch, self._per_epoch)

    def _batches(self) -> Generator[Batch, None, None]:
        """Yield what is left of the running epoch."""
        recipe, progress = self._recipe, self._progress
        yield from batches(
            self._pictures,
            recipe.batch,
            seed=recipe.seed,
            epoch=progress.epoch,
            start=progress.batch,
            workers=recipe.workers,
        )

    def _step(self, group: Sequence[Batch]) -> None:
        """Learn from the batches of one step of the optimiser."""
        progress = self._progress
        self._schedule.apply(self._optimiser, progress.epoch * self._per_epoch + progress.batch)
        for parts in self._gradients.add(group):
            progress.add(parts)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._average.update(self._network)
        self._seen += sum(len(images) for images, _ in group)
        self._display.batches_done(len(group), progress.means[-1], self._rate())

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at > 60 * self._recipe.checkpoint_minutes

    def _rate(self) -> float:
        return self._seen / (time.monotonic() - self._began)

    def _end_epoch(self) -> None:
        """Judge the average of the weights, keep it if it is the best, and write all down."""
        recipe, progress = self._recipe, self._progress
        row: Row = {"epoch": progress.epoch + 1} | dict(zip(PARTS, progress.means, strict=True))
        row |= {"lr": self._optimiser.param_groups[-1]["lr"], "images_per_second": self._rate()}
        last = progress.epoch + 1 == recipe.epochs
        judged = last or (progress.epoch + 1) % recipe.validate_every == 0
        report = self._judge() if judged else None
        row |= _accuracy(report, recipe.data.classes)
        progress.end_epoch(row)
        write_results(self._folder / RESULTS, progress.history)
        self._save()
        self._display.epoch_ends(row)

    def _judge(self) -> Report:
        """Return how good the averaged weights are; the best so far are kept."""
        recipe, network = self._recipe, self._average.network
        classes = recipe.data.classes
        report = evaluate(network_model(network, classes, recipe.size), self._val)
        if report.mean.ap > self._progress.best:
            self._progress.best = report.mean.ap
            notes = {"epoch": str(self._progress.epoch + 1), "recipe": recipe.fingerprint}
            path = self._folder / BEST
            save_weights(network, path, class_names=classes, size=recipe.size, notes=notes)
        return report

    def _save(self) -> None:
        fingerprint = self._recipe.fingerprint
        save_state(self._folder / STATE, self._learner, self._progress, fingerprint)
        self._saved_at = time.monotonic()


def _make_network(recipe: Recipe) -> Network:
    torch.manual_seed(recipe.seed)
    if recipe.weights:
        network = _trained_network(recipe, recipe.weights)
    else:
        classes = len(recipe.data.classes)
        network = build_network(recipe.network, classes=classes, width=recipe.width)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _trained_network(recipe: Recipe, weights: Path) -> Network:
    """Return the network in a weights file, which must be the recipe's own."""
    network, info = load_weights(weights)
    held = (info.variant, info.width, tuple(info.class_names))
    if held != (recipe.network, recipe.width, recipe.data.classes):
        raise UsageError(
            f"{weights}: holds {info.variant} at width {info.width} for {', '.join(held[2])}: "
            "give weights of the recipe's network, width and classes"
        )
    return network


def _make_loss(network: Network, recipe: Recipe) -> DetectionLoss:
    given = recipe.loss
    gains = Gains(given.box, given.objectness, given.classification)
    return DetectionLoss(
        network.anchors,
        torch.tensor(network.strides),
        gains.scaled(len(network.strides), network.classes, recipe.size),
        given.assignment,
        given.anchor_ratio,
        auxiliary=given.auxiliary,
        constraint=given.constraint,
        label_smoothing=given.label_smoothing,
    )


def _accuracy(report: Report | None, classes: Sequence[str]) -> Row:
    """Return the columns of an evaluation; empty if there was none, or a class has no objects."""
    columns = ("ap", "ap50", "ap75", *(f"ap50/{name}" for name in classes))
    return dict.fromkeys(columns) | (report.numbers if report else {})
