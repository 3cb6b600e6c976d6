"""`analyze`, `robustness`, `tta` and `export-corruptions`: write `results/analysis/`."""

from argparse import Namespace

from fer_lib.analysis.corruptions import export_corruptions
from fer_lib.analysis.recomputation import ANALYSES, Inputs
from fer_lib.data.dataset import Dataset, load_dataset
from fer_lib.evaluation.verify import require_same_images
from fer_lib.paths import ANALYSIS, RESULTS
from fer_lib.runs.manifest import manifest_updated
from fer_lib.runs.store import find_runs


def analyze(options: Namespace) -> None:
    """Record layers, the data set's class counts, its leakage and label noise, and explanations."""
    _record("analyze")


def robustness(options: Namespace) -> None:
    """Record the main models' accuracy on corrupted images."""
    _record("robustness")


def tta(options: Namespace) -> None:
    """Record each TTA scheme with one model, and the SE-CNNs' predictions with the chosen one."""
    _record("tta")


def export_corrupted_images(options: Namespace) -> None:
    """Write PrivateTest's corrupted images."""
    export_corruptions(load_dataset(), options.folder)
    print(options.folder)


def _dataset_of_records() -> Dataset:
    """FER2013, for what is recorded: only the copy that the recorded runs were trained on."""
    dataset = load_dataset()
    require_same_images(find_runs(RESULTS), dataset)
    return dataset


def _record(verb: str) -> None:
    """Write the analyses of a verb."""
    inputs = Inputs(_dataset_of_records())
    with manifest_updated():
        for analysis in ANALYSES:
            if analysis.verb == verb:
                paths = [ANALYSIS / name for name in analysis.files]
                if analysis.of_votes and inputs.votes is None:
                    print(f"{paths[0]}: not changed; FER+ is not on this machine (data/README.md)")
                    continue
                analysis.write(inputs, paths[0])
                print(*paths, sep="\n")
