"""Ensembles: the mean of several runs' probabilities (Lakshminarayanan et al. 2017)."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from fer_lib.evaluation.inference import mean_probability_logits
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.tta_predictions import tta_predictions
from fer_lib.experiments import ENSEMBLE_TTA, ENSEMBLES
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import Run, RunError, parse_run_key
from fer_lib.runs.store import find_run
from fer_lib.tta import views


@dataclass(frozen=True)
class Ensemble:
    """Runs whose probabilities are averaged: a `Predictor`, as a run is.

    Attributes:
        title: its name in tables.
        members: runs evaluated on the same images.
        tta: a scheme in place of the members' own, for which predictions are recorded.
    """

    title: str
    members: tuple[Run, ...]
    tta: str | None = None

    @cached_property
    def predictions(self) -> dict[str, SplitPredictions]:
        """As `Run.predictions`; the logarithms of mean probabilities stand in for logits.

        Raises:
            RunError: a member was evaluated on other images, or in another order.
        """
        members = [tta_predictions(m) if self.tta else m.predictions for m in self.members]
        first = members[0]
        for run, member in zip(self.members, members, strict=True):
            for split, values in first.items():
                same = split in member and all(
                    np.array_equal(getattr(values, name), getattr(member[split], name))
                    for name in ("labels", "hashes")
                )
                if not same:
                    raise RunError(
                        f"{run.folder}: not evaluated on the {split} images of "
                        f"{self.members[0].folder}, in their order"
                    )
        return {
            split: replace(
                values, logits=mean_probability_logits([member[split].logits for member in members])
            )
            for split, values in first.items()
        }

    @cached_property
    def metrics(self) -> dict:
        """As `Run.metrics`."""
        return metrics_by_split(self.predictions)

    @property
    def forward_passes(self) -> int:
        """Forward passes per prediction, all members together."""
        return sum(len(views(self.tta or member.experiment.tta)) for member in self.members)


def recorded_ensembles(root: Path) -> list[Ensemble]:
    """The ensembles of which every member is recorded under `root`.

    Each is listed with its members' own TTA, and with `ENSEMBLE_TTA` where those predictions are
    recorded too.
    """
    ensembles = []
    for title, keys in ENSEMBLES.items():
        members = tuple(find_run(root, *parse_run_key(key)) for key in keys)
        if None in members:
            continue
        ensembles.append(Ensemble(title, members))
        if all(m.config["profile"] == "full" and tta_predictions(m) for m in members):
            ensembles.append(Ensemble(f"{title}, shift TTA", members, ENSEMBLE_TTA))
    return ensembles
