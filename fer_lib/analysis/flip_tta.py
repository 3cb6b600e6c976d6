"""What horizontal-flip TTA adds to the same networks, on PublicTest."""

from collections.abc import Iterable

import pandas as pd

from fer_lib.analysis.headline import SeedSamples
from fer_lib.evaluation.flip_tta import SPLIT, with_scheme
from fer_lib.evaluation.seed_variance import pooled_seed_variance, total_mean
from fer_lib.runs.run import Run
from fer_lib.tta import FLIP, NO_TTA


def flip_tta_gains(runs: Iterable[Run], names: Iterable[str]) -> pd.DataFrame:
    """Accuracy on PublicTest without TTA and with flip TTA, of the same networks.

    The gain is a mean over seeds of differences within one network. Its 95 % interval is over
    images and seeds; the variance of these differences across seeds is pooled over all experiments
    with both predictions, so that a gain has the same interval whatever `names` are.

    Args:
        runs: recorded runs, of these and of other experiments.
        names: of the experiments to return.

    Returns:
        One row per named experiment with both predictions: `experiment`, `seeds` (how many),
        `accuracy_without_tta`, `accuracy_with_flip_tta`, `accuracy_difference` and the limits
        `accuracy_difference_low` and `accuracy_difference_high`.
    """
    runs = list(runs)
    without, flipped = (
        {(run.name, run.seed): run for run in with_scheme(runs, scheme)}
        for scheme in (NO_TTA, FLIP)
    )
    both = [key for key in without if key in flipped]
    groups = {key[0]: sorted(each for each in both if each[0] == key[0]) for key in both}
    low, high = (
        SeedSamples({name: [of[key] for key in keys] for name, keys in groups.items()}, SPLIT)
        for of in (without, flipped)
    )
    differences = {name: high.values[name] - low.values[name] for name in groups}
    pooled = pooled_seed_variance(differences.values())
    rows = []
    for name in filter(differences.__contains__, names):
        values = differences[name]
        gain = total_mean(values, high.resampled[name] - low.resampled[name], pooled)
        means = [float(samples.values[name].mean()) for samples in (low, high)]
        rows.append((name, len(values), *means, gain.value, *gain.interval))
    limits = [f"accuracy_difference{end}" for end in ("", "_low", "_high")]
    accuracies = ["accuracy_without_tta", "accuracy_with_flip_tta"]
    return pd.DataFrame(rows, columns=["experiment", "seeds", *accuracies, *limits])
