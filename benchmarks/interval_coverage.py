"""Measure the coverage of `evaluation.seed_variance` by a simulation whose truth is known.

    python benchmarks/interval_coverage.py [studies]

Each simulated study has six experiments of n seeds on the same images. An image has a difficulty,
an experiment an ability, a seed a deviation from it; the logit of the probability that a network
classifies an image correctly is their sum and a term of network and image, and its expectation over
images and seeds, the true accuracy, is known. The parameters give an accuracy near 65 %, a seed
standard deviation near half a point, and networks of one experiment that disagree on a sixth of the
images, like the recorded runs. Printed: how many of the 95 % intervals hold the truth, for the mean
of an experiment, for a difference of two, and for intervals that exclude the variance across seeds.
"""

import sys

import numpy as np

from fer_lib.evaluation.seed_variance import (
    SeedVariance,
    TotalEstimate,
    pooled_seed_variance,
    total_difference,
    total_mean,
)

IMAGES, EXPERIMENTS, RESAMPLES = 3_589, 6, 200
DIFFICULTY_SD, INTERACTION_SD, SEED_SD = 4.0, 1.6, 0.05
ABILITY = 1.6
SEEDS = (2, 3, 5)


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    random = np.random.default_rng(0)
    truth, typical_sd, disagreement = _describe(random)
    print(f"true accuracy {truth:.4f}, SD of one seed {typical_sd:.4f}, ", end="")
    print(f"images on which two seeds disagree {disagreement:.3f}")
    print("seeds  mean   difference  images only  half-width of a difference")
    for n in SEEDS:
        hits = np.array([_study(random, n, truth) for _ in range(studies)])
        mean, difference, images_only, width = hits.mean(axis=0)
        print(f"{n:5}  {mean:.3f}  {difference:.3f}       {images_only:.3f}        {width:.4f}")


def _draw(random, networks: int, images: int) -> np.ndarray:
    """Which images each network classifies correctly, bool [networks, images]."""
    difficulty = DIFFICULTY_SD * random.standard_normal(images, dtype=np.float32)
    shape = (networks, images)
    logit = INTERACTION_SD * random.standard_normal(shape, dtype=np.float32)
    logit += ABILITY + difficulty + SEED_SD * random.standard_normal((networks, 1))
    return logit > 0


def _describe(random) -> tuple[float, float, float]:
    """The true accuracy; the SD across seeds on a fixed split; the share of disagreement."""
    truth = np.mean([_draw(random, 100, IMAGES).mean() for _ in range(200)])
    split = _draw(random, 400, IMAGES)
    return truth, split.mean(axis=1).std(), np.mean(split[::2] != split[1::2])


def _study(random, n: int, truth: float) -> tuple[bool, bool, bool, float]:
    """Whether the intervals of one study hold the truth, and the half-width of the second."""
    correct = _draw(random, EXPERIMENTS * n, IMAGES).reshape(EXPERIMENTS, n, IMAGES)
    counts = random.multinomial(IMAGES, np.full(IMAGES, 1 / IMAGES), size=RESAMPLES)
    resampled = correct[:2] @ (counts.T / IMAGES)
    accuracy = correct.mean(axis=2)
    seeds = pooled_seed_variance(accuracy)
    images_only = SeedVariance(0.0, seeds.degrees_of_freedom)
    mean = total_mean(accuracy[0], resampled[0], seeds)
    difference, without_seeds = (
        total_difference(accuracy[:2], resampled, each) for each in (seeds, images_only)
    )
    low, high = difference.interval
    return (
        _holds(mean, truth),
        _holds(difference, 0),
        _holds(without_seeds, 0),
        (high - low) / 2,
    )


def _holds(estimate: TotalEstimate, truth: float) -> bool:
    low, high = estimate.interval
    return low <= truth <= high


if __name__ == "__main__":
    main()
