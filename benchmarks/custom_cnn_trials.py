"""The trials on PublicTest that chose the custom CNN's shape and its dropout.

Each candidate is trained with the recipe of `custom_cnn` and seed 0, for so many epochs or until
patience ends, and judged by its lowest validation loss; PrivateTest is not evaluated. The
candidates are those of `results/analysis/custom_cnn_trials.json`: a model with a strided stem, and
dropout after each block, which this script keeps because no experiment has it any more. The script
resumes where it was stopped, and does not replace a record.

    python benchmarks/custom_cnn_trials.py
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
from keras import layers

from fer_lib.data.labels import EMOTIONS, IMAGE_SIZE
from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.io import write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import MODELS, build_model
from fer_lib.paths import ANALYSIS, RUNS
from fer_lib.profiles import get_profile
from fer_lib.runs.manifest import manifest_updated
from fer_lib.training.augmentation import AUGMENTATIONS, flip_rotate_zoom
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import train_run

RESULT_PATH = ANALYSIS / "custom_cnn_trials.json"


def cnn_with_stem(
    stem: int,
    blocks: tuple[tuple[int, int], ...],
    block_dropout: float,
    head_dropout: float,
    bn_momentum: float,
    num_classes: int = len(EMOTIONS),
) -> keras.Model:
    """The model of the trials: a 5×5 convolution of stride 2 with `stem` filters before the blocks
    of `models.custom_cnn`, and dropout after each block, before the pooling."""
    model = keras.Sequential(name="cnn_with_stem")
    model.add(keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray_pixels"))
    model.add(layers.Rescaling(1 / 127.5, offset=-1))

    def add_convolution(width: int, size: int, strides: int = 1) -> None:
        model.add(layers.Conv2D(width, size, strides, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=bn_momentum))
        model.add(layers.ReLU())

    add_convolution(stem, 5, strides=2)
    for number, (width, depth) in enumerate(blocks):
        if number:
            model.add(layers.MaxPooling2D())
        for _ in range(depth):
            add_convolution(width, 3)
        model.add(layers.Dropout(block_dropout))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dropout(head_dropout))
    model.add(layers.Dense(num_classes, dtype="float32"))
    return model


MODELS["cnn_with_stem"] = cnn_with_stem
AUGMENTATIONS["flip_rotate_10_zoom_10"] = partial(flip_rotate_zoom, degrees=10, zoom=0.10)
AUGMENTATIONS["flip_rotate_15_zoom_15"] = partial(flip_rotate_zoom, degrees=15, zoom=0.15)

EVEN, DEEP = ((64, 2), (128, 2), (256, 2)), ((64, 1), (128, 2), (256, 3))
WEAK, STRONGER = "flip_rotate_10_zoom_10", "flip_rotate_15_zoom_15"


def candidate(epochs: int, augmentation: str, **model_options) -> Experiment:
    """The custom CNN's recipe with another model, not evaluated on PrivateTest."""
    return replace(
        EXPERIMENTS["custom_cnn"],
        model="cnn_with_stem",
        model_options={"stem": 64, **model_options},
        augmentation=augmentation,
        epochs=epochs,
        evaluate_private_test=False,
    )


CANDIDATES = {
    "even, dropout": candidate(
        8, WEAK, blocks=EVEN, block_dropout=0.2, head_dropout=0.4, bn_momentum=0.99
    ),
    "deep and narrow maps, dropout": candidate(
        8, WEAK, blocks=DEEP, block_dropout=0.2, head_dropout=0.4, bn_momentum=0.99
    ),
    "even, dropout in the head only": candidate(
        8, WEAK, blocks=EVEN, block_dropout=0.0, head_dropout=0.4, bn_momentum=0.99
    ),
    "deep and narrow maps, dropout, quick averages": candidate(
        8, WEAK, blocks=DEEP, block_dropout=0.2, head_dropout=0.4, bn_momentum=0.9
    ),
    "deep and narrow maps, dropout, quick averages, until patience ended": candidate(
        120, WEAK, blocks=DEEP, block_dropout=0.2, head_dropout=0.4, bn_momentum=0.9
    ),
    "deep and narrow maps, more dropout and augmentation, cut": candidate(
        27, STRONGER, blocks=DEEP, block_dropout=0.4, head_dropout=0.5, bn_momentum=0.9
    ),
}


def trial(title: str, experiment: Experiment, dataset, folder: Path) -> dict:
    """Train a candidate, and return its row of the record."""
    run = train_run(RunSpec("custom_cnn_trial", experiment), dataset, folder)
    model = build_model(experiment)
    best = run.history.loc[run.history["val_loss"].idxmin()]
    return {
        "candidate": title,
        **experiment.to_dict()["model_options"],
        "augmentation": experiment.augmentation,
        "parameters": model.count_params(),
        "multiply_adds": multiply_adds(model),
        "epochs": len(run.history),
        "best_epoch": int(best["epoch"]),
        "val_loss": float(best["val_loss"]),
        "accuracy": run.metrics["public_test"]["accuracy"],
        "accuracy_interval": run.metrics["public_test"]["intervals"]["accuracy"],
        "images_per_second": run.config["images_per_second"],
    }


def main() -> None:
    if RESULT_PATH.exists():
        sys.exit(f"{RESULT_PATH} exists; remove it first if it is to be made again")
    dataset = get_profile("full").dataset()
    if dataset is None:
        sys.exit("FER2013 is not on this machine: set FER2013 to its CSV")
    rows = []
    for title, experiment in CANDIDATES.items():
        folder = RUNS / "trials" / title.replace(",", "").replace(" ", "_")
        rows.append(trial(title, replace(experiment, title=title), dataset, folder))
    with manifest_updated():
        write_json(RESULT_PATH, rows)


if __name__ == "__main__":
    main()
