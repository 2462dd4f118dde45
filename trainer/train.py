"""The training loop, from a recipe to the best weights."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from threading import Event

import cv2
import torch
from safetensors import SafetensorError

from detector.errors import FramelaneError, UsageError
from detector.weights.checkpoint import save_weights
from detector.yolov7.network import Network
from trainer.augment.augmenter import Augmenter
from trainer.augment.multi_scale import MultiScale
from trainer.console import Display
from trainer.data.batches import batch_count, batches, batches_per_process
from trainer.data.data_errors import Findings
from trainer.data.datasets import load_dataset
from trainer.data.image_cache import cache_images
from trainer.data.prefetch import Batch
from trainer.data.samples import Dataset
from trainer.evaluation.average_precision import METRICS, Report
from trainer.evaluation.evaluate import evaluate, network_model
from trainer.interrupt import stop_requested
from trainer.optim.device import TrainingDevice, choose_device
from trainer.optim.distributed import ProcessGroup, join_process_group
from trainer.optim.memory import peak_memory
from trainer.optim.optimizer import MovingAverage, Schedule, Stepper, make_optimiser
from trainer.optim.parallel_gradients import Gradients, ParallelGradients
from trainer.optim.sequential_gradients import SequentialGradients, synchronised
from trainer.recipe import Recipe
from trainer.report.contact_sheet import contact_sheet, write_image
from trainer.report.results_log import Results
from trainer.setup import make_loss, make_network
from trainer.training_state import Learner, Row, TrainingPosition, load_state, save_state

STATE, BEST = "state.safetensors", "best.safetensors"
MISTAKES, BATCH = "mistakes.txt", "batch.jpg"
PARTS = ("box", "objectness", "classification", "loss")


def train(recipe: Recipe, folder: Path, display: Display, *, resume: bool = False) -> bool:
    """Train as `recipe` says, in `folder`; return whether it came to its end.

    On Ctrl-C or SIGTERM it saves and returns False; with `resume` it goes on from the last state in
    `folder`, and ends up where it would have without the break. `best.safetensors` holds the
    averaged weights that did best on the validation data. Under torchrun every process calls it,
    and the first one writes. Raises UsageError for what is wrong with recipe, data or folder,
    FramelaneError if the loss explodes, or a state cannot be saved.
    """
    if (folder / STATE).exists() and not resume:
        raise UsageError(
            f"{folder}: holds a training already: go on with --resume, or give another --output"
        )
    cv2.setNumThreads(1)  # images are prepared by threads of our own
    place = choose_device(recipe)
    with join_process_group(place.device) as ranks, closing(display):
        classes, findings = recipe.data.classes, Findings(recipe.data.mistakes)
        data = load_dataset(recipe.data.train, classes, findings)
        val = load_dataset(recipe.data.val, classes, findings)
        if findings.lines and ranks.is_first:
            findings.write(folder / MISTAKES)
            display.note(f"{len(findings.lines)} mistakes in the data: {folder / MISTAKES}")
        options = recipe.augment.over_variant(recipe.network)
        kept = cache_images(data, recipe.size, recipe.data.cache, folder)
        augmenter = Augmenter(data, recipe.size, options, recipe.seed, kept)
        return Training(recipe, folder, augmenter, val, display, place, ranks).run()


class Training:
    """A training under way."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        augmenter: Augmenter,
        val: Dataset,
        display: Display,
        place: TrainingDevice,
        ranks: ProcessGroup,
    ) -> None:
        """Start anew, or from the state in `folder` if there is one."""
        self._recipe, self._folder, self._display = recipe, folder, display
        self._augmenter, self._val = augmenter, val
        self._place, self._ranks = place, ranks
        of_each = batches_per_process(batch_count(len(augmenter), recipe.batch), ranks.size)
        self._per_epoch = of_each * ranks.size
        self._accumulate = recipe.accumulate(ranks.size)
        network = make_network(recipe, augmenter.sides, display.note).to(place.device)
        self._average = MovingAverage(network, recipe.average)
        self._network = synchronised(network, place) if recipe.sync_batchnorm else network
        self._multi_scale = MultiScale(recipe.multi_scale, max(network.strides), recipe.seed)
        scale = recipe.batch * self._accumulate * ranks.size / recipe.nominal_batch
        optimiser = make_optimiser(self._network, recipe.optimiser, scale)
        self._stepper = Stepper(optimiser, place.make_scaler(), recipe.optimiser.clip)
        self._schedule = Schedule(recipe.optimiser, self._per_epoch, recipe.epochs)
        self._gradients = self._make_gradients()
        self._learner = Learner(self._network, self._average, self._stepper)
        self._progress = TrainingPosition()
        if (folder / STATE).exists():
            self._progress = load_state(folder / STATE, self._learner, recipe, ranks.size)
        self._results = Results(folder, self._progress.history) if ranks.is_first else None
        self._saved_at = time.monotonic()

    def _make_gradients(self) -> Gradients:
        """On the CPU, alone, batches are worked on side by side; else one after the other."""
        loss_of, place = make_loss(self._network, self._recipe), self._place
        if place.device.type == "cpu" and self._ranks.size == 1:
            return ParallelGradients(self._network, loss_of, place, self._accumulate)
        return SequentialGradients(self._network, loss_of, place, self._stepper.scaler, self._ranks)

    def run(self) -> bool:
        """Train to the end, or until asked to stop; return whether it came to its end."""
        several = self._ranks.size > 1
        with stop_requested(ignore_repeats=several) as asked, closing(self):
            while self._progress.epoch < self._recipe.epochs:
                self._begin_epoch()
                with closing(self._batches()) as epoch:
                    while group := list(islice(epoch, self._accumulate)):
                        self._step(group)
                        stop = self._anyone_asked(asked)
                        if stop or self._is_due():
                            self._save()
                        if stop:
                            return False
                self._end_epoch()
        return True

    def close(self) -> None:
        """Give back what is held."""
        self._gradients.close()
        if self._results:
            self._results.close()

    def _anyone_asked(self, asked: Event) -> bool:
        """Return whether a process was asked to stop: all stop at the same step."""
        if self._ranks.size == 1:
            return asked.is_set()
        mine = torch.tensor([float(asked.is_set())], device=self._place.device)
        return bool(self._ranks.gather(mine).any())

    def _begin_epoch(self) -> None:
        self._began, self._seen = time.monotonic(), 0
        self._display.epoch_begins(self._progress.epoch, self._progress.batch, self._per_epoch)

    def _batches(self) -> Generator[Batch, None, None]:
        """Yield what is left of the running epoch, of this process."""
        recipe, progress = self._recipe, self._progress
        yield from batches(
            self._augmenter,
            recipe.batch,
            seed=recipe.seed,
            epoch=progress.epoch,
            start=progress.batch,
            workers=self._place.workers if recipe.workers is None else recipe.workers,
            forked=self._place.device.type != "cpu",
            change=self._multi_scale,
            rank=self._ranks.rank,
            ranks=self._ranks.size,
        )

    def _step(self, group: Sequence[Batch]) -> None:
        """Learn from the batches of one step of the optimiser."""
        progress = self._progress
        done = progress.epoch * self._per_epoch + progress.batch
        if done == 0 and self._ranks.is_first:
            names = self._recipe.data.classes
            write_image(self._folder / BATCH, contact_sheet(group[:1], names))
        self._schedule.apply(self._stepper.optimiser, done)
        parts_of_each = self._gradients.add(group)
        for parts in parts_of_each:
            progress.add(parts)
        self._stepper.step()
        if self._ranks.is_first:
            self._average.update(self._network)
        self._seen += sum(len(images) for images, _ in group) * self._ranks.size
        memory = peak_memory(self._place.device)
        self._display.batches_done(len(parts_of_each), progress.means, self._rate(), memory)

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at > 60 * self._recipe.checkpoint_minutes

    def _rate(self) -> float:
        return self._seen / (time.monotonic() - self._began)

    def _end_epoch(self) -> None:
        """Judge the average of the weights, keep it if it is the best, and write all down."""
        recipe, progress = self._recipe, self._progress
        row: Row = {"epoch": progress.epoch + 1} | dict(zip(PARTS, progress.means, strict=True))
        rate = self._stepper.optimiser.param_groups[-1]["lr"]
        row |= {"lr": rate, "images_per_second": self._rate()}
        last = progress.epoch + 1 == recipe.epochs
        evaluated = last or (progress.epoch + 1) % recipe.validate_every == 0
        report = self._evaluate() if evaluated and self._ranks.is_first else None
        row |= _accuracy(report, recipe.data.classes)
        progress.end_epoch(row)
        self._save()
        self._display.epoch_ends(row)

    def _evaluate(self) -> Report:
        """Return how good the averaged weights are; the best so far are kept."""
        recipe, network = self._recipe, self._average.network
        classes = recipe.data.classes
        report = evaluate(network_model(network, classes, recipe.size), self._val)
        if report.mean.ap > self._progress.best:
            with _room_in(self._folder):
                self._save_best(network)
            self._progress.best = report.mean.ap
        return report

    def _save_best(self, network: Network) -> None:
        recipe = self._recipe
        notes = {"epoch": str(self._progress.epoch + 1), "recipe": recipe.fingerprint}
        path, names = self._folder / BEST, recipe.data.classes
        save_weights(network, path, class_names=names, size=recipe.size, notes=notes)

    def _save(self) -> None:
        """Write the state, and the results so far; the first process does it for all."""
        self._saved_at = time.monotonic()
        if not self._results:
            return
        with _room_in(self._folder):
            progress, path = self._progress, self._folder / STATE
            self._results.write(progress.history)
            save_state(path, self._learner, progress, self._recipe, self._ranks.size)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """Answer a full disk with what to do; what was saved before stays whole."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise FramelaneError(
            f"{folder}: cannot be written: {error}; what was saved before is whole: "
            "make room and go on with --resume"
        ) from error


def _accuracy(report: Report | None, classes: Sequence[str]) -> Row:
    """Return the columns of an evaluation; empty if there was none, or a class has no objects."""
    columns = (*METRICS, *(f"ap50/{name}" for name in classes))
    return dict.fromkeys(columns) | (report.numbers if report else {})
