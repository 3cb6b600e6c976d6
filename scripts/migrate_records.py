"""Rewrite runs and analyses that carry the former names.

    python scripts/migrate_records.py results      # recorded runs and analyses
    python scripts/migrate_records.py runs/full    # finished runs, to be recorded afterwards

Idempotent: what has the new names stays as it is, byte for byte. Logits and weight files are not
touched; only their containers, configurations and checksums are. A record whose checksums do not
hold is refused. The script goes when the last run is in.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np

from fer_lib.experiments import EXPERIMENTS as TABLE
from fer_lib.io import read_json, sha256_of, write_json
from fer_lib.runs.run import CONFIG_FILE, PREDICTIONS_FILE, SHARED_SPLITS_FILE
from fer_lib.runs.store import CHECKSUMS_FILE, store_shared_splits, write_checksums

EXPERIMENTS = {
    "small_cnn": "se_cnn",
    "small_cnn_student": "se_cnn_distilled",
    "small_cnn_averaged": "se_cnn_distilled_swa",
    "short": "ablation_baseline",
    "short_mixup": "ablation_mixup",
    "short_focal": "ablation_focal_loss",
    "short_adam": "ablation_adam",
    "short_float32": "ablation_baseline_float32",
    "short_no_smoothing": "ablation_cross_entropy",
    "short_no_attention": "ablation_no_attention",
    "short_averaged": "ablation_swa",
    "short_no_erasing": "ablation_no_random_erasing",
    "short_whole_picture": "ablation_no_crop",
    "short_source_augmentation": "ablation_flip_rotate_zoom",
    "short_effective_number": "ablation_class_balanced_loss",
    "short_balanced": "ablation_balanced_sampling",
    "short_taught": "ablation_distilled",
    "share_1": "scratch_1pct",
    "share_10": "scratch_10pct",
    "transfer_1": "pretrained_1pct",
    "transfer_10": "pretrained_10pct",
    "transfer_100": "pretrained_100pct",
    "other_faces": "pretraining",
}
TITLES = {
    "Small CNN": "SE-CNN",
    "Small CNN, student": "SE-CNN, distilled",
    "Small CNN, taught and averaged": "SE-CNN, distilled, SWA",
    "MobileNetV2, head only, enlarged to 96": "MobileNetV2, head only, 96 pixels",
    "MobileNetV2, fine-tuned, rate 1e-4": "MobileNetV2, fine-tuned, learning rate 1e-4",
    "MobileNetV2, fine-tuned, rate 1e-4, enlarged to 96": (
        "MobileNetV2, fine-tuned, learning rate 1e-4, 96 pixels"
    ),
}
SETTINGS = {
    "balancing": "class_balancing_power",
    "averaged_epochs": "swa_epochs",
    "training_share": "train_fraction",
    "start_from": "init_from",
    "teachers_share": "distillation_weight",
    "precision": "dtype_policy",
    "mixup": "mixup_alpha",
    "opens_private_test": "evaluate_private_test",
    "inverse_regularisations": "inverse_regularizations",
}
MODEL_OPTIONS = {
    "attention": "se_ratio",
    "momentum": "bn_momentum",
    "input_side": "input_size",
    "head_width": "head_units",
}
AUGMENTATIONS = {
    "flip_rotate_15_zoom_15": "flip_rotate_zoom",
    "strong": "strong_augment",
    "strong_crop_40": "strong_augment_crop40",
    "strong_crop_40_no_erasing": "strong_augment_crop40_no_erasing",
}
SHIFTS = {
    "one place": "none",
    "five places, 1 pixel apart": "shift5_1px",
    "nine places, 1 pixel apart": "shift3x3_1px",
    "five places, 2 pixels apart": "shift5_2px",
    "nine places, 2 pixels apart": "shift3x3_2px",
}
ANALYSES = {
    "shifts.json": "tta.json",
    "shifts.npz": "tta_predictions.npz",
    "ferplus.json": "label_noise.json",
    "duplicates.json": "leakage.json",
}


def run_key(key: str) -> str:
    name, slash, seed = key.partition("/seed-")
    return EXPERIMENTS.get(name, name) + slash + seed


def scheme(places: str, flip: bool) -> str:
    shift = SHIFTS[places]
    return shift if not flip else "flip" if shift == "none" else f"flip+{shift}"


def renamed(values: dict, names: dict) -> dict:
    return {names.get(key, key): value for key, value in values.items()}


def configuration(old: dict) -> dict:
    """An experiment's configuration under the new names."""
    new = renamed(old, SETTINGS)
    if "model_options" in new:
        options = renamed(new["model_options"], MODEL_OPTIONS)
        if options.get("stem", 0) is None:
            del options["stem"]
        new["model_options"] = options
    if "augmentation" in new:
        new["augmentation"] = AUGMENTATIONS.get(new["augmentation"], new["augmentation"])
    if new.get("init_from"):
        new["init_from"] = run_key(new["init_from"])
    if "teachers" in new:
        new["teachers"] = [run_key(key) for key in new["teachers"]]
    if "teachers_places" in new:
        places = new.pop("teachers_places")
        # Every recorded teacher predicted with its mirror image too.
        fixed = new.get("teachers") and not new.get("consistent_distillation")
        new["teacher_tta"] = scheme(places, flip=True) if fixed else "none"
    if "flip_averaging" in new:
        new["tta"] = "flip" if new.pop("flip_averaging") else "none"
    return new


def config(old: dict) -> dict:
    """A run's `config.json` under the new names."""
    new = renamed(
        old,
        {
            "weights_sha256_of": "dependency_weights_sha256",
            "other_faces": "pretraining",
            "inverse_regularisation": "inverse_regularization",
        },
    )
    new["experiment"] = EXPERIMENTS.get(old["experiment"], old["experiment"])
    new["configuration"] = configuration(old["configuration"])
    if new["experiment"] in TABLE:
        new["configuration"]["title"] = TABLE[new["experiment"]].title
    if "dependency_weights_sha256" in new:
        new["dependency_weights_sha256"] = {
            run_key(key): value for key, value in new["dependency_weights_sha256"].items()
        }
    return new


def migrate_run(folder: Path) -> None:
    """Rename a run's folder and what its configuration names; a record's checksums follow."""
    checksums = folder / CHECKSUMS_FILE
    lines = checksums.read_text(encoding="utf-8").splitlines() if checksums.exists() else []
    sums = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    if damaged := [name for name in sums if sha256_of(folder / name) != sums[name]]:
        sys.exit(f"{folder}: {', '.join(damaged)} is not the recorded file")
    old = read_json(folder / CONFIG_FILE)
    new = config(old)
    if new != old:
        write_json(folder / CONFIG_FILE, new)
    if sums:
        store_shared_splits(folder / PREDICTIONS_FILE, folder.parent.parent / SHARED_SPLITS_FILE)
        if any(sha256_of(folder / name) != sums[name] for name in sums):
            write_checksums(folder, list(sums))
    target = folder.parent.parent / new["experiment"] / folder.name
    if target != folder:
        move(folder, target)


def move(folder: Path, target: Path) -> None:
    """Move a migrated run; one that was migrated before must be equal to it."""
    if target.exists():
        contents = [{p.name: sha256_of(p) for p in f.iterdir()} for f in (folder, target)]
        if contents[0] != contents[1]:
            sys.exit(f"{folder}: {target} is there, and is another run")
        shutil.rmtree(folder)
    else:
        target.parent.mkdir(exist_ok=True)
        folder.rename(target)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def migrate_analyses(folder: Path) -> None:
    """Rename the files of `analysis/`, their keys, and the runs that they name."""
    for old, new in ANALYSES.items():
        if (folder / old).exists():
            (folder / old).rename(folder / new)
    for path in folder.glob("*.json"):
        before = read_json(path)
        after = analysis(path.stem, json.loads(json.dumps(before)))
        if after != before:
            write_json(path, after)
    path = folder / "tta_predictions.npz"
    if path.exists():
        with np.load(path) as stored:
            arrays = dict(stored)
        if str(arrays["scheme"]) in SHIFTS:
            arrays["scheme"] = np.array(scheme(str(arrays["scheme"]), flip=True))
            arrays = {
                "/".join([*run_key("/".join(key.split("/")[:2])).split("/"), key.split("/")[2]])
                if "/" in key
                else key: value
                for key, value in arrays.items()
            }
            np.savez_compressed(path, **arrays)
            record = read_json(folder / "tta.json")
            write_json(folder / "tta.json", {**record, "predictions_sha256": sha256_of(path)})


def analysis(name: str, value):
    """One analysis under the new names."""
    keyed = {"label_noise": "runs", "robustness": "runs"}
    if name in ("grad_cam", "deletion"):
        value = {run_key(key): inner for key, inner in value.items()}
        if name == "grad_cam":
            for maps in value.values():
                for emotion, images in maps.items():
                    maps[emotion] = [renamed(image, {"answer": "prediction"}) for image in images]
        else:
            for inner in value.values():
                inner["deletion"] = renamed(inner["deletion"], {"deleted": "fraction_removed"})
        return value
    if name in keyed:
        value = renamed(value, {"successors": "follow_ups"})
        for part in ("runs", "follow_ups", "weights_sha256"):
            if part in value:
                value[part] = {run_key(key): inner for key, inner in value[part].items()}
        for inner in value.get("follow_ups", {}).values():
            inner["compared_with"] = run_key(inner["compared_with"])
    if name == "tta" and "places" in value["rows"][0]:
        value["run"] = run_key(value["run"])
        rows = []
        for row in value["rows"]:
            places, mirrored = row.pop("places"), row.pop("mirrored")
            passes = row.pop("passes")
            rows.append({"tta": scheme(places, mirrored), "forward_passes": passes, **row})
        value["rows"] = rows
    if name == "leakage":
        value = renamed(value, {"seen_in_training": "in_training"})
        value["exact"] = renamed(value["exact"], {"copies": "duplicates"})
        value["exact"].pop("largest_group", None)
    if name == "speed":
        value = renamed(value, {"ways": "training_throughput"})
        for part in ("rows", "training_throughput"):
            value[part] = [
                renamed(row, {"precision": "dtype_policy", "way": "implementation"})
                for row in value.get(part, [])
            ]
            for row in value[part]:
                if "experiment" in row:
                    row["experiment"] = TITLES.get(row["experiment"], row["experiment"])
    if name == "edge":
        value["rows"] = [renamed(row, {"network": "model"}) for row in value["rows"]]
        for row in value["rows"]:
            row["model"] = TITLES.get(row["model"], row["model"])
            if "check" in row:
                check = row.pop("check")
                match = re.search(r"probability from Keras ([\d.e-]+)", check)
                row["max_probability_difference"] = float(match[1]) if match else None
                row["accepted"] = None if not check else not check.startswith("refused")
    if name == "custom_cnn_trials":
        value = [renamed(row, {"momentum": "bn_momentum"}) for row in value]
        for row in value:
            row["augmentation"] = AUGMENTATIONS.get(row["augmentation"], row["augmentation"])
    return value


def main() -> None:
    root = Path(sys.argv[1])
    for path in sorted(root.glob(f"*/seed-*/{CONFIG_FILE}")):
        migrate_run(path.parent)
    if (root / "analysis").is_dir():
        migrate_analyses(root / "analysis")
    published = root / "published.json"
    if published.exists():
        before = read_json(published)
        rows = [renamed(row, {"fault": "protocol_issue"}) for row in before["networks"]["rows"]]
        about = before["networks"]["about"].replace("`fault`", "`protocol_issue`")
        after = {**before, "networks": {**before["networks"], "about": about, "rows": rows}}
        if after != before:
            write_json(published, after)


if __name__ == "__main__":
    main()
