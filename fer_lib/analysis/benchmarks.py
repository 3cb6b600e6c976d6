"""Recorded benchmarks: trials, training speed, latency."""

import pandas as pd

from fer_lib.io import read_json
from fer_lib.paths import RESULTS
from fer_lib.report.format import NOT_RECORDED, count, percent


def trials() -> pd.DataFrame:
    """The trials that chose the custom CNN, as `benchmarks/custom_cnn_trials.py` recorded them:
    what differs between them."""
    table = _trials()
    table["best epoch"] = [
        f"{best} of {ran}" for best, ran in zip(table["best_epoch"], table["epochs"], strict=True)
    ]
    table["blocks"] = [
        "; ".join(f"{depth}×{width}" for width, depth in blocks) for blocks in table["blocks"]
    ]
    table["dropout"] = [
        f"{block:g}, head {head:g}"
        for block, head in zip(table["block_dropout"], table["head_dropout"], strict=True)
    ]
    table["bn_momentum"] = table["bn_momentum"].map("{:g}".format)
    table["augmentation"] = table["augmentation"].str.replace("_", " ")  # may break
    return table[
        [
            "candidate",
            "best epoch",
            "loss",
            "accuracy, PublicTest",
            "blocks",
            "dropout",
            "bn_momentum",
            "augmentation",
        ]
    ]


def _trials() -> pd.DataFrame:
    table = pd.DataFrame(read_json(RESULTS / "analysis" / "custom_cnn_trials.json"))
    table["accuracy, PublicTest"] = [
        percent(*pair) for pair in zip(table["accuracy"], table["accuracy_interval"], strict=True)
    ]
    return table.rename(columns={"val_loss": "loss"})


def trial_phrases() -> dict[str, str]:
    """The numbers that the custom CNN's page puts into its prose about the trials, as text."""
    table = _trials()
    fewest = table["epochs"].min()
    short, long = table[table["epochs"] == fewest], table[table["epochs"] > fewest]
    phrases = {
        "short_trial_epochs": str(fewest),
        "best_short_trial": short.loc[short["loss"].idxmin(), "candidate"],
    }
    for which, (_, row) in zip(("first", "second"), long.iterrows(), strict=True):
        phrases |= {
            f"{which}_long_trial_epochs": str(row["epochs"]),
            f"{which}_long_trial_best_epoch": str(row["best_epoch"]),
            f"{which}_long_trial_loss": f"{row['loss']:.4f}",
            f"{which}_long_trial_accuracy": row["accuracy, PublicTest"],
        }
    return phrases


def speed() -> pd.DataFrame:
    """How fast each experiment trains and predicts, as `benchmarks/training.py` recorded it."""
    table = pd.DataFrame(_speed()["rows"])
    table["share_of_peak"] = table["share_of_peak"].map(percent)
    for column in ("training_images_per_second", "prediction_images_per_second"):
        table[column] = table[column].round().astype(int)
    return table


def ways() -> pd.DataFrame:
    """Ways to train the small CNN, by images a second, as `benchmarks/training.py` recorded
    them."""
    record = _speed()
    if "training_throughput" not in record:
        return pd.DataFrame({"way": [NOT_RECORDED]})
    ours = record["training_throughput"][0]["training_images_per_second"]
    rows = [
        {
            "way": row["implementation"],
            "precision": row["dtype_policy"],
            "images a second": round(row["training_images_per_second"]),
            "share of the peak": percent(row["share_of_peak"]),
            "ours ÷ this": f"{ours / row['training_images_per_second']:.1f}",
        }
        for row in record["training_throughput"]
    ]
    return pd.DataFrame(rows)


def speed_reading() -> str:
    """On what `speed` was measured, in a sentence."""
    record = _speed()
    hardware, peaks = record["hardware"], record["peak_multiply_adds_per_second"]
    listed = " and ".join(
        f"{value / 1e9:,.0f} billion multiply-adds a second in {name}"
        for name, value in peaks.items()
    )
    return f"Here it is {listed} ({hardware['processor']}, cores: {hardware['cores']})."


def _speed() -> dict:
    return read_json(RESULTS / "analysis" / "speed.json")


def edge() -> pd.DataFrame:
    """What each network costs in each form, a row each, as `benchmarks/edge.py` recorded it."""
    rows = [
        {
            "network": row["model"],
            "form": row["form"],
            "file, MB": f"{row['bytes'] / 1e6:.2f}",
            "multiply-adds": count(row["multiply_adds"]),
            "one face, ms (95th percentile)": f"{row['median_ms']:.1f} ({row['percentile_95_ms']:.1f})",
            "images a second": round(row["images_per_second"]),
            "accuracy on PublicTest": percent(row["accuracy"], row["interval"]),
        }
        for row in edge_record()["rows"]
    ]
    return pd.DataFrame(rows)


def edge_reading() -> str:
    """On what `edge` was measured, and what the exporter's check said of each 8-bit file, in
    sentences."""
    record = edge_record()
    hardware = record["hardware"]
    text = f"Measured on {hardware['processor']}, {record['repetitions']} times each."
    for row in record["rows"]:
        if row["check"].startswith("refused"):
            text += f" The exporter refuses {row['network']} as {row['form']}: {row['check'].removeprefix('refused: ')}."
    return text


def edge_record() -> dict:
    """What `benchmarks/edge.py` wrote."""
    return read_json(RESULTS / "analysis" / "edge.json")
