"""Ensembles, which average the probabilities of several runs (Lakshminarayanan et al. 2017)."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from fer_lib.evaluation.inference import mean_probability_logits
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.tta_predictions import tta_predictions
from fer_lib.experiments import ENSEMBLE_TTA, ENSEMBLES
from fer_lib.runs.predictions import SplitPredictions, align
from fer_lib.runs.run import Run, RunError, parse_run_key
from fer_lib.runs.store import find_run
from fer_lib.tta import views

SHIFT_TTA_SUFFIX = ", shift TTA"  # of the titles of models with `ENSEMBLE_TTA`


@dataclass(frozen=True)
class Ensemble:
    """Several runs whose probabilities are averaged; a `Predictor`, like a run.

    Attributes:
        title: name in tables.
        members: runs evaluated on the same images.
        shift_tta: whether the members' recorded predictions with `ENSEMBLE_TTA` are averaged
            instead of those with their own TTA.
    """

    title: str
    members: tuple[Run, ...]
    shift_tta: bool = False

    @cached_property
    def predictions(self) -> dict[str, SplitPredictions]:
        """As `Run.predictions`, with the logarithm of the mean probability in place of logits.

        The images are in the order of `align`.

        Raises:
            RunError: the members were not evaluated on the same images.
        """
        members = [tta_predictions(m) if self.shift_tta else m.predictions for m in self.members]
        try:
            by_split = {
                split: align(*(member[split] for member in members)) for split in members[0]
            }
        except (KeyError, ValueError) as error:
            keys = ", ".join(member.key for member in self.members)
            raise RunError(f"{keys}: not evaluated on the same images") from error
        return {
            split: replace(
                aligned[0], logits=mean_probability_logits([each.logits for each in aligned])
            )
            for split, aligned in by_split.items()
        }

    @cached_property
    def metrics(self) -> dict:
        """As `Run.metrics`; those of a single run are recorded."""
        if len(self.members) == 1 and not self.shift_tta:
            return self.members[0].metrics
        return metrics_by_split(self.predictions)

    @property
    def forward_passes(self) -> int:
        """Forward passes per prediction, summed over the members."""
        schemes = [ENSEMBLE_TTA if self.shift_tta else m.experiment.tta for m in self.members]
        return sum(len(views(scheme)) for scheme in schemes)


def recorded_ensembles(root: Path) -> list[Ensemble]:
    """Return the ensembles whose members are all recorded under `root`.

    Each ensemble is listed with its members' own TTA, and also with `ENSEMBLE_TTA` if those
    predictions are recorded.
    """
    ensembles = []
    for title, keys in ENSEMBLES.items():
        members = tuple(find_run(root, *parse_run_key(key)) for key in keys)
        if None in members:
            continue
        ensembles.append(Ensemble(title, members))
        if all(tta_predictions(member) for member in members):
            ensembles.append(Ensemble(f"{title}{SHIFT_TTA_SUFFIX}", members, shift_tta=True))
    return ensembles
