"""Measure the coverage of `evaluation.seed_variance` by a simulation whose truth is known.

    python benchmarks/interval_coverage.py

It takes some minutes. The report shows the recorded result.

Each simulated study has six experiments of n seeds on the same images. An image has a difficulty
and a seed a deviation, ten times as large in the last, unstable experiment. The logit of the
probability that a network classifies an image correctly is their sum, a constant, and a term of
network and image; its expectation over images and seeds, the true accuracy, is known. The
parameters give an accuracy near 65 %, a seed standard deviation near half a point (five points in
the unstable experiment), and networks of one experiment that disagree on a sixth of the images,
like the recorded runs. Written for each number of seeds: the share of the 95 % intervals that
contain the truth, for the mean of a stable and of the unstable experiment, for the difference of
two stable ones and of a stable one and the unstable one, and for intervals of the difference of two
stable ones that exclude the variance across seeds.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm
from tqdm import trange

from fer_lib.evaluation.seed_variance import (
    SeedVariance,
    seed_variances,
    total_difference,
    total_mean,
)
from fer_lib.io import write_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.manifest import manifest_updated

IMAGES, RESAMPLES = 3_589, 200
DIFFICULTY_SD, INTERACTION_SD = 4.0, 1.6
SEED_SD = np.array([0.05, 0.05, 0.05, 0.05, 0.05, 0.5])
STABLE, OTHER, UNSTABLE = 0, 1, 5
ABILITY = 1.6
TRUTH = norm.cdf(ABILITY / np.sqrt(DIFFICULTY_SD**2 + INTERACTION_SD**2 + SEED_SD**2))
SEEDS = (2, 3, 5)
STUDIES = 400
CASES = (
    "mean",
    "mean_unstable",
    "difference",
    "difference_from_unstable",
    "difference_images_only",
)


def main() -> None:
    random = np.random.default_rng(0)
    rows = []
    for n in SEEDS:
        studies = trange(STUDIES, desc=f"{n} seeds")
        contained = np.mean([_study(random, n) for _ in studies], axis=0)
        rows.append({"seeds": n, "studies": STUDIES} | dict(zip(CASES, contained, strict=True)))
    print(pd.DataFrame(rows).to_string(index=False))
    with manifest_updated():
        write_json(ANALYSIS / "interval_coverage.json", rows)


def _draw(random, n: int) -> np.ndarray:
    """Which images each network classifies correctly, bool [experiments, n, images]."""
    shape = (len(SEED_SD), n, IMAGES)
    logit = INTERACTION_SD * random.standard_normal(shape, dtype=np.float32)
    logit += DIFFICULTY_SD * random.standard_normal(IMAGES, dtype=np.float32)
    logit += ABILITY + SEED_SD[:, None, None] * random.standard_normal((*shape[:2], 1))
    return logit > 0


def _study(random, n: int) -> list[float]:
    """Whether the interval of each case contains the truth."""
    correct = _draw(random, n)
    counts = random.multinomial(IMAGES, np.full(IMAGES, 1 / IMAGES), size=RESAMPLES)
    resampled = {each: correct[each] @ (counts.T / IMAGES) for each in (STABLE, OTHER, UNSTABLE)}
    accuracy = correct.mean(axis=2)
    seeds = seed_variances(dict(enumerate(accuracy)))

    def difference(a: int, b: int, variances: tuple[SeedVariance, SeedVariance]):
        values = (accuracy[a], accuracy[b])
        return total_difference(values, (resampled[a], resampled[b]), variances)

    estimates = (
        (total_mean(accuracy[STABLE], resampled[STABLE], seeds[STABLE]), TRUTH[STABLE]),
        (total_mean(accuracy[UNSTABLE], resampled[UNSTABLE], seeds[UNSTABLE]), TRUTH[UNSTABLE]),
        (difference(STABLE, OTHER, (seeds[STABLE], seeds[OTHER])), 0.0),
        (
            difference(STABLE, UNSTABLE, (seeds[STABLE], seeds[UNSTABLE])),
            TRUTH[STABLE] - TRUTH[UNSTABLE],
        ),
        (difference(STABLE, OTHER, (SeedVariance(0.0, 1),) * 2), 0.0),
    )
    intervals = [(estimate.interval, truth) for estimate, truth in estimates]
    return [low <= truth <= high for (low, high), truth in intervals]


if __name__ == "__main__":
    main()
