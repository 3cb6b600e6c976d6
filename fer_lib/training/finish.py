"""Write what makes a folder a finished run."""

from pathlib import Path

import numpy as np

from fer_lib.data.dataset import Dataset
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import Run
from fer_lib.runs.store import write_run


def finish_run(folder: Path, config: dict, logits: dict[str, np.ndarray], dataset: Dataset) -> Run:
    """Write predictions, configuration and metrics.

    Args:
        folder: of the run.
        config: what was trained; versions and hardware are added.
        logits: float32 [n, 7] for `public_test` and, where it is evaluated, `private_test`, in the
            data set's order.
    """
    predictions = {}
    for name, values in logits.items():
        split = getattr(dataset, name)
        predictions[name] = SplitPredictions(values, split.labels, split.hashes)
    return write_run(folder, config, predictions, metrics_by_split(predictions))
