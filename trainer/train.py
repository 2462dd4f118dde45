"""The training loop: from a recipe to the best weights."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from threading import Event

import torch
from safetensors import SafetensorError

from detector.errors import FramelaneError, UsageError
from detector.int8.quantize import MIN_IMAGES
from detector.weights.torch_networks import save_weights
from detector.yolov7.network import Network
from trainer.augment.augmenter import Augmenter
from trainer.augment.multi_scale import MultiScale
from trainer.console import Display
from trainer.data.batches import batch_count, batches, batches_per_process
from trainer.data.data_errors import Findings
from trainer.data.datasets import Joined, load_evaluation_data, load_training_data
from trainer.data.image_cache import cache_images
from trainer.data.prefetch import Batch
from trainer.data.samples import Dataset
from trainer.evaluation.average_precision import METRICS, Report
from trainer.evaluation.evaluate import evaluate
from trainer.evaluation.network_model import network_model
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


def train(
    recipe: Recipe, folder: Path, display: Display, *, resume: bool = False, int8: bool = False
) -> bool:
    """Train as `recipe` says, in `folder`; return whether all epochs are done.

    On Ctrl-C or SIGTERM it saves and returns False. With `resume` it continues from the last state
    in `folder`, with the same result as without the break. `best.safetensors` holds the averaged
    weights with the highest AP on the validation data. Under torchrun each process calls it, and
    only the first writes.

    int8: INT8 models will be made; data that does not suffice for them is refused
    Raises UsageError for a wrong recipe, data or folder, FramelaneError if the loss is not finite
    or a state cannot be saved.
    """
    if (folder / STATE).exists() and not resume:
        raise UsageError(
            f"{folder}: already holds a training: continue with --resume, or give another --output"
        )
    device = choose_device(recipe)
    with join_process_group(device.torch_device) as group, closing(display):
        classes, findings = recipe.data.classes, Findings(recipe.data.mistakes)
        data = load_training_data(recipe.data.train, classes, findings)
        val = load_evaluation_data(recipe.data.val, classes, findings)
        if int8:
            _refuse_for_int8(data, val)
        display.note(f"training data: {data.counts}")
        display.note(f"validation data: {val.counts}")
        if not val.counts.objects:
            display.note("without objects in the validation data, accuracy is not measured")
        if findings.lines and group.is_first:
            findings.write(folder / MISTAKES)
            display.note(f"{len(findings.lines)} mistakes in the data: {folder / MISTAKES}")
        options = recipe.augment.with_published_defaults(recipe.network)
        images = cache_images(data, recipe.size, recipe.data.cache, folder)
        augmenter = Augmenter(data, recipe.size, options, recipe.seed, images)
        return Training(recipe, folder, augmenter, val, display, device, group).run()


def _refuse_for_int8(data: Joined, val: Joined) -> None:
    """Raise UsageError if INT8 models cannot be made of this data, before hours of training."""
    if len(data) < MIN_IMAGES:
        raise UsageError(
            f"data.train: {len(data)} images given, but {MIN_IMAGES} are needed to calibrate INT8 "
            "models: give more, or train without --export int8"
        )
    if not val.counts.objects:
        raise UsageError(
            f"data.val: {val.counts}: what INT8 models lose cannot be measured: give labelled "
            "images, or train without --export int8"
        )


class Training:
    """A training in progress."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        augmenter: Augmenter,
        val: Dataset,
        display: Display,
        device: TrainingDevice,
        group: ProcessGroup,
    ) -> None:
        """Start from the state in `folder`, or at the beginning if there is none."""
        self._recipe, self._folder, self._display = recipe, folder, display
        self._augmenter, self._val = augmenter, val
        self._device, self._group = device, group
        count = batch_count(len(augmenter), recipe.batch)
        self._per_epoch = batches_per_process(count, group.size) * group.size
        self._accumulate = recipe.accumulate(group.size)
        network = make_network(recipe, augmenter, display.note).to(device.torch_device)
        self._average = MovingAverage(network, recipe.average)
        self._network = synchronised(network, device) if recipe.sync_batchnorm else network
        self._multi_scale = MultiScale(recipe.multi_scale, max(network.strides), recipe.seed)
        scale = recipe.batch * self._accumulate * group.size / recipe.nominal_batch
        optimiser = make_optimiser(self._network, recipe.optimiser, scale)
        self._stepper = Stepper(optimiser, device.make_scaler(), recipe.optimiser.clip)
        self._schedule = Schedule(recipe.optimiser, self._per_epoch, recipe.epochs)
        self._gradients = self._make_gradients()
        self._learner = Learner(self._network, self._average, self._stepper)
        self._progress = TrainingPosition()
        if (folder / STATE).exists():
            self._progress = load_state(folder / STATE, self._learner, recipe, group.size)
        self._results = Results(folder, self._progress.history) if group.is_first else None
        self._saved_at = time.monotonic()

    def _make_gradients(self) -> Gradients:
        """Process batches in parallel on the CPU of a single process, else in sequence."""
        loss_of, device = make_loss(self._network, self._recipe), self._device
        if device.torch_device.type == "cpu" and self._group.size == 1:
            return ParallelGradients(self._network, loss_of, device, self._accumulate)
        return SequentialGradients(
            self._network, loss_of, device, self._stepper.scaler, self._group
        )

    def run(self) -> bool:
        """Train until the end or a request to stop; return whether all epochs are done."""
        several = self._group.size > 1
        with stop_requested(ignore_repeats=several) as requested, closing(self):
            while self._progress.epoch < self._recipe.epochs:
                self._begin_epoch()
                with closing(self._batches()) as epoch:
                    while step := list(islice(epoch, self._accumulate)):
                        self._step(step)
                        stop = self._any_requested(requested)
                        if stop or self._is_due():
                            self._save()
                        if stop:
                            return False
                self._end_epoch()
        return True

    def close(self) -> None:
        """Release resources."""
        self._gradients.close()
        if self._results:
            self._results.close()

    def _any_requested(self, requested: Event) -> bool:
        """Return whether any process got a request, so that all stop at the same step."""
        if self._group.size == 1:
            return requested.is_set()
        mine = torch.tensor([float(requested.is_set())], device=self._device.torch_device)
        return bool(self._group.gather(mine).any())

    def _begin_epoch(self) -> None:
        self._began, self._seen = time.monotonic(), 0
        self._display.epoch_begins(self._progress.epoch, self._progress.batch, self._per_epoch)

    def _batches(self) -> Generator[Batch, None, None]:
        """Yield this process's remaining batches of the current epoch."""
        recipe, progress = self._recipe, self._progress
        yield from batches(
            self._augmenter,
            recipe.batch,
            seed=recipe.seed,
            epoch=progress.epoch,
            start=progress.batch,
            workers=self._device.workers if recipe.workers is None else recipe.workers,
            forked=self._device.torch_device.type != "cpu",
            transform=self._multi_scale,
            rank=self._group.rank,
            processes=self._group.size,
        )

    def _step(self, step: Sequence[Batch]) -> None:
        """Take one optimiser step, from its batches."""
        progress = self._progress
        done = progress.epoch * self._per_epoch + progress.batch
        if done == 0 and self._group.is_first:
            names = self._recipe.data.classes
            write_image(self._folder / BATCH, contact_sheet(step[:1], names))
        self._schedule.apply(self._stepper.optimiser, done)
        parts_of_each = self._gradients.add(step)
        for parts in parts_of_each:
            progress.add(parts)
        self._stepper.step()
        if self._group.is_first:
            self._average.update(self._network)
        self._seen += sum(len(images) for images, _ in step) * self._group.size
        memory = peak_memory(self._device.torch_device)
        self._display.batches_done(len(parts_of_each), progress.means, self._rate(), memory)

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at > 60 * self._recipe.checkpoint_minutes

    def _rate(self) -> float:
        return self._seen / (time.monotonic() - self._began)

    def _end_epoch(self) -> None:
        """Evaluate the averaged weights if it is time, and save the state and results."""
        recipe, progress = self._recipe, self._progress
        row: Row = {"epoch": progress.epoch + 1} | dict(zip(PARTS, progress.means, strict=True))
        rate = self._stepper.optimiser.param_groups[-1]["lr"]
        row |= {"lr": rate, "images_per_second": self._rate()}
        last = progress.epoch + 1 == recipe.epochs
        due = last or (progress.epoch + 1) % recipe.validate_every == 0
        report = self._evaluate() if due and self._group.is_first else None
        row |= _accuracy(report, recipe.data.classes)
        progress.end_epoch(row)
        self._save()
        self._display.epoch_ends(row)

    def _evaluate(self) -> Report:
        """Return the scores of the averaged weights, and save the weights if they are the best."""
        recipe, network = self._recipe, self._average.network
        classes = recipe.data.classes
        report = evaluate(network_model(network, classes, recipe.size), self._val)
        ap = report.mean.ap
        if ap is None or ap > self._progress.best:  # None: without objects, the last are the best
            with _disk_errors(self._folder):
                self._save_best(network)
            self._progress.best = self._progress.best if ap is None else ap
        return report

    def _save_best(self, network: Network) -> None:
        recipe = self._recipe
        notes = {"epoch": str(self._progress.epoch + 1), "recipe": recipe.fingerprint}
        path, names = self._folder / BEST, recipe.data.classes
        save_weights(network, path, class_names=names, size=recipe.size, notes=notes)

    def _save(self) -> None:
        """Write the state and the results so far; only in the first process."""
        self._saved_at = time.monotonic()
        if not self._results:
            return
        with _disk_errors(self._folder):
            progress, path = self._progress, self._folder / STATE
            self._results.write(progress.history)
            save_state(path, self._learner, progress, self._recipe, self._group.size)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Raise a FramelaneError with advice if the disk is full; earlier files stay intact."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise FramelaneError(
            f"{folder}: cannot be written: {error}; earlier files are intact: "
            "free some space and continue with --resume"
        ) from error


def _accuracy(report: Report | None, classes: Sequence[str]) -> Row:
    """Return the columns of an evaluation; None without a value."""
    columns = (*METRICS, *(f"ap50/{name}" for name in classes))
    return dict.fromkeys(columns) | (report.numbers if report else {})
