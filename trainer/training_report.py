"""The report page of a training: its models, their accuracy, and the course of the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from detector.html_page import Page
from detector.manifest import sha256_of
from trainer.data.image_files import read_rgb
from trainer.data.samples import Dataset
from trainer.deliver import Product
from trainer.evaluation.analysis import analyse
from trainer.recipe import Recipe
from trainer.report.results_log import RESULTS, read_results
from trainer.report.sections import add_accuracy, add_history, add_versions, add_worst, figure
from trainer.train import BATCH, BEST

PAGE = "report.html"


def write_training_page(
    folder: Path, recipe: Recipe, products: Sequence[Product], val: Dataset
) -> Path:
    """Write `report.html` into the folder of a training, and return its path.

    products: the exported models; the first is the source of the others
    """
    page = Page(f"{folder.name}: {recipe.network}, {', '.join(recipe.data.classes)}")
    _add_products(page, folder, products)
    for product in products:
        analysis = analyse(product.evaluated, recipe.data.classes)
        page.heading(f"{product.model.name} on the validation data")
        add_accuracy(page, product.report, analysis)
        add_worst(page, val, product.evaluated, analysis, recipe.data.classes)
    add_history(page, read_results(folder / RESULTS))
    page.image(read_rgb(folder / BATCH), "The first training batch, with its boxes")
    page.heading("Recipe")
    page.listing(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))
    add_versions(page, products[0].manifest.tools)
    page.write(folder / PAGE)
    return folder / PAGE


def _add_products(page: Page, folder: Path, products: Sequence[Product]) -> None:
    """Add the files of the training, each with the hash of its source."""
    rows = [(BEST, "-", "-", "-", sha256_of(folder / BEST), "")]
    for product in products:
        manifest = product.manifest
        source = manifest.source_sha256 or manifest.weights_sha256 or ""
        ap50, ap = product.report.mean.ap50, product.report.mean.ap
        row = (product.model.name, manifest.precision, figure(ap50), figure(ap))
        rows.append((*row, manifest.onnx_sha256, source))
    header = ("file", "precision", "AP50", "AP", "sha256", "made from")
    short = [(*row[:4], row[4][:16], row[5][:16]) for row in rows]
    page.table("Files", header, short)
