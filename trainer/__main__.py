"""python -m trainer: train a network from a recipe, evaluate a model."""

from __future__ import annotations

from detector.cli import Late, LateGroup

LATE = {
    "train": Late("trainer.commands.train:train", "Train a network from a recipe."),
    "evaluate": Late(
        "trainer.commands.evaluate:evaluate", "Measure the accuracy of a model on labelled images."
    ),
    "quantize": Late("trainer.commands.quantize:quantize", "Make and score a model's INT8 files."),
    "show": Late("trainer.commands.show:show", "Draw the batches that the network sees."),
}

main = LateGroup(name="trainer", late=LATE, help="Train YOLOv7 networks, and score them.")

if __name__ == "__main__":
    main(prog_name="python -m trainer")
