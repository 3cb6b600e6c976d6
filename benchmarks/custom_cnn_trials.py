"""The trials on PublicTest that chose the custom CNN's shape and its dropout.

Each candidate is trained with the recipe of `custom_cnn` and one seed, for so many epochs or until
patience ends, and judged by the
lowest validation loss; PrivateTest is not looked at. Writes
`results/analysis/custom_cnn_trials.json` where there is none, and resumes where it
was stopped. The record that is there was made when dropout stood before the pooling and once more
after the last block: run again,
these candidates are slightly other networks.

    python benchmarks/custom_cnn_trials.py
"""

import sys
from dataclasses import replace

from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.io import write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import build_model
from fer_lib.paths import RESULTS, RUNS
from fer_lib.profiles import get_profile
from fer_lib.training.trainer import train_run

EVEN, DEEP = ((64, 2), (128, 2), (256, 2)), ((64, 1), (128, 2), (256, 3))
SLIGHT, WIDER = "flip_rotate_10_zoom_10", "flip_rotate_zoom"

RECORD = RESULTS / "analysis" / "custom_cnn_trials.json"


def candidate(epochs: int, augmentation: str, **model_options) -> Experiment:
    """The custom CNN's recipe with another network; PrivateTest stays closed."""
    return replace(
        EXPERIMENTS["custom_cnn"],
        model_options={"stem": 64, **model_options},
        augmentation=augmentation,
        epochs=epochs,
        evaluate_private_test=False,
    )


CANDIDATES = {
    "even, dropout": candidate(
        8, SLIGHT, blocks=EVEN, block_dropout=0.2, head_dropout=0.4, momentum=0.99
    ),
    "deep and narrow maps, dropout": candidate(
        8, SLIGHT, blocks=DEEP, block_dropout=0.2, head_dropout=0.4, momentum=0.99
    ),
    "even, dropout in the head only": candidate(
        8, SLIGHT, blocks=EVEN, block_dropout=0.0, head_dropout=0.4, momentum=0.99
    ),
    "deep and narrow maps, dropout, quick averages": candidate(
        8, SLIGHT, blocks=DEEP, block_dropout=0.2, head_dropout=0.4, momentum=0.9
    ),
    "deep and narrow maps, dropout, quick averages, until patience ended": candidate(
        120, SLIGHT, blocks=DEEP, block_dropout=0.2, head_dropout=0.4, momentum=0.9
    ),
    "deep and narrow maps, more dropout and augmentation, cut": candidate(
        27, WIDER, blocks=DEEP, block_dropout=0.4, head_dropout=0.5, momentum=0.9
    ),
}


def main() -> None:
    full = get_profile("full")
    dataset = full.dataset()
    if dataset is None:
        sys.exit("FER2013 is not on this machine: set FER2013 to its CSV")
    if RECORD.exists():
        sys.exit(f"{RECORD} is there already; remove it first if it is to be made again")
    rows = []
    for title, experiment in CANDIDATES.items():
        experiment = replace(experiment, title=title)
        folder = RUNS / "trials" / title.replace(",", "").replace(" ", "_")
        run = train_run("custom_cnn_trial", experiment, 0, dataset, folder, "full")
        network = build_model(experiment)
        best = run.history.loc[run.history["val_loss"].idxmin()]
        rows.append(
            {
                "candidate": title,
                **experiment.to_dict()["model_options"],
                "augmentation": experiment.augmentation,
                "parameters": network.count_params(),
                "multiply_adds": multiply_adds(network),
                "epochs": len(run.history),
                "best_epoch": int(best["epoch"]),
                "val_loss": float(best["val_loss"]),
                "accuracy": run.metrics["public_test"]["accuracy"],
                "accuracy_interval": run.metrics["public_test"]["intervals"]["accuracy"],
                "images_per_second": run.config["images_per_second"],
            }
        )
    write_json(RECORD, rows)


if __name__ == "__main__":
    main()
