"""A recipe is read strictly; an error names the key and the accepted values."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.renamed import RenamedWarning
from tests.support.paths import ROOT
from trainer.recipe import Recipe, load_recipe

GOOD = """
size: [256, 448]
epochs: 3
data:
  classes: [car]
  train: [{clip: a.mp4, frames: [1, 20]}]
  val: [{yolo: data.yaml, split: val}]
"""


def complaint(tmp_path: Path, text: str) -> str:
    """Return the error that a recipe causes, without its path."""
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("epochs", "epoch", "epoch: unknown key; did you mean 'epochs'?"),
        ("epochs: 3", "epochs: many", "epochs: 'many' given: input should be a valid integer"),
        ("epochs: 3", "", "epochs: missing"),
        ("256", "250", "size.0: 250 given: input should be a multiple of 32"),
        ("frames", "frams", "data.train.0.clip.frams: unknown key; did you mean 'frames'?"),
        ("clip", "film", "data.train.0: "),
        ("epochs: 3", "epochs: 3\nloss: {bx: 1}", "loss.bx: unknown key; did you mean 'box'?"),
        ("epochs: 3", "epochs: 3\noptimiser: {lr: 0}", "optimiser.lr: 0 given: input should be"),
    ],
)
def test_an_error_names_the_key_and_the_accepted_values(
    tmp_path: Path, wrong: str, right: str, message: str
) -> None:
    assert complaint(tmp_path, GOOD.replace(wrong, right)).startswith(message)


def test_the_argument_epochs_overrides_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD)
    assert load_recipe(path, epochs=7).epochs == 7


def test_the_fingerprint_covers_only_what_affects_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD)
    recipe = load_recipe(path)
    assert recipe.model_copy(update={"workers": 5}).fingerprint == recipe.fingerprint
    assert recipe.model_copy(update={"seed": 5}).fingerprint != recipe.fingerprint


def loaded(tmp_path: Path, more: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD + more)
    return load_recipe(path)


@pytest.mark.parametrize(
    ("network", "final_lr", "objectness", "classification", "translate", "scale", "mixup"),
    [
        ("yolov7-tiny", 0.01, 1.0, 0.5, 0.1, 0.5, 0.05),
        ("yolov7-tiny-silu", 0.01, 1.0, 0.5, 0.1, 0.5, 0.05),
        ("yolov7", 0.1, 0.7, 0.3, 0.2, 0.9, 0.15),
        ("yolov7x", 0.1, 0.7, 0.3, 0.2, 0.9, 0.15),
        ("yolov7-w6", 0.2, 0.7, 0.3, 0.2, 0.9, 0.15),
        ("yolov7-e6e", 0.2, 0.7, 0.3, 0.2, 0.9, 0.15),
    ],
)
def test_published_hyperparameters_fit_the_network(
    tmp_path: Path,
    network: str,
    final_lr: float,
    objectness: float,
    classification: float,
    translate: float,
    scale: float,
    mixup: float,
) -> None:
    recipe = loaded(tmp_path, f"hyperparameters: published\nnetwork: {network}")
    assert recipe.optimiser.final_lr == final_lr
    assert (recipe.loss.objectness, recipe.loss.classification) == (objectness, classification)
    augment = recipe.augment
    assert (augment.translate, augment.scale, augment.mixup) == (translate, scale, mixup)
    assert augment.paste_in == mixup and augment.nine == 0.2
    given = (recipe.optimiser.lr, recipe.optimiser.momentum, recipe.optimiser.weight_decay)
    assert given == (0.01, 0.937, 5e-4) and recipe.nominal_batch == 64


def test_a_recipe_overrides_its_hyperparameters(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("epochs: 9\nloss: {box: 2}\nseed: 8\n")
    more = f"hyperparameters: {tmp_path / 'mine.yaml'}\nloss: {{objectness: 3}}"
    recipe = loaded(tmp_path, more)
    assert (recipe.epochs, recipe.loss.box, recipe.loss.objectness, recipe.seed) == (3, 2, 3, 8)


def test_a_hyperparameters_file_may_name_another(tmp_path: Path) -> None:
    (tmp_path / "last.yaml").write_text("epochs: 9\nloss: {box: 2}\nseed: 8\n")
    (tmp_path / "mine.yaml").write_text(f"hyperparameters: {tmp_path / 'last.yaml'}\nseed: 5\n")
    recipe = loaded(tmp_path, f"hyperparameters: {tmp_path / 'mine.yaml'}\nloss: {{objectness: 3}}")
    assert (recipe.epochs, recipe.loss.box, recipe.loss.objectness, recipe.seed) == (3, 2, 3, 5)


def test_hyperparameters_that_name_themselves_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"hyperparameters: {tmp_path / 'mine.yaml'}\n")
    with pytest.raises(UsageError, match=r"mine\.yaml: hyperparameters: .* builds on this file"):
        loaded(tmp_path, f"hyperparameters: {tmp_path / 'mine.yaml'}")


def test_unknown_hyperparameters_are_answered_with_the_known_names(tmp_path: Path) -> None:
    message = (
        r"'publishd' given; did you mean 'published'\? accepted: annotated, bccd, p5, p6, "
        r"pets09, published, small, street, .* tiny, or the path of a file"
    )
    with pytest.raises(UsageError, match=message):
        loaded(tmp_path, "hyperparameters: publishd")


def test_adamw_has_its_own_default_rates(tmp_path: Path) -> None:
    recipe = loaded(tmp_path, "optimiser: {algorithm: adamw}")
    assert (recipe.optimiser.lr, recipe.optimiser.warmup_bias_lr) == (0.001, 0)
    recipe = loaded(tmp_path, "optimiser: {algorithm: adamw, lr: 0.002}")
    assert recipe.optimiser.lr == 0.002


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs/recipes").glob("*.yaml")), ids=lambda p: p.stem
)
def test_shipped_recipes_are_valid(path: Path) -> None:
    assert load_recipe(path).data.classes


@pytest.mark.parametrize("name", ["street", "street.yaml"])
def test_a_shipped_recipe_is_found_by_its_name_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(Path(name))
    assert recipe.data.classes == ("person", "bicycle", "car")
    assert recipe.weights == Path("runs/street-large/best.safetensors")
    assert (recipe.epochs, recipe.size, recipe.width) == (6, (384, 672), 0.5)  # of three files


def test_a_file_of_that_name_comes_before_the_shipped_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("street").write_text(GOOD)
    assert load_recipe(Path("street")).data.classes == ("car",)


@pytest.mark.parametrize("name", ["stret", "stret.yaml"])
def test_an_unknown_recipe_is_answered_with_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = (
        rf"^{name}: no such file, .*; did you mean 'street'\? "
        r"accepted: annotated, bccd, pets09, street,"
    )
    with pytest.raises(UsageError, match=expected):
        load_recipe(Path(name))


def test_a_missing_file_in_another_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"street\.yaml: cannot be read: No such file"):
        load_recipe(tmp_path / "street.yaml")


def test_the_old_name_of_min_visible_works_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(RenamedWarning, match=r"recipe\.yaml: augment: least_visible .* min_visible"):
        assert loaded(tmp_path, "augment: {least_visible: 0.3}").augment.min_visible == 0.3


def test_values_saved_under_the_old_name_are_read_without_a_warning(tmp_path: Path) -> None:
    saved = loaded(tmp_path, "augment: {min_visible: 0.3}")
    before = saved.fingerprint.replace("min_visible", "least_visible")
    assert Recipe.model_validate_json(before) == saved


def test_a_class_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    part = "[{yolo: a.yaml}]"
    data = f"{{classes: [cat, dog, cat], train: {part}, val: {part}}}"
    path.write_text(f"size: [64, 64]\nepochs: 1\ndata: {data}\n")
    with pytest.raises(UsageError, match=r"recipe\.yaml: data\.classes.*'cat' occurs twice"):
        load_recipe(path)
