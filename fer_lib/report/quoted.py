"""The numbers that the prose pages of the report quote, as text.

A page writes `{{ key }}`; Jupyter Book puts the text of the key there. Values are formatted
numbers, titles of models and small Markdown tables, never sentences. What is not recorded is
"not recorded". A key that no page uses fails a test, and one that is not defined fails the build.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.benchmarks import latency
from fer_lib.analysis.calibration import accuracy_at_coverage, calibration_table
from fer_lib.analysis.comparison import estimate, source_accuracies
from fer_lib.analysis.ensembles import headline_ensemble
from fer_lib.analysis.headline import headline_table
from fer_lib.analysis.label_noise import accuracy_by_agreement, label_noise
from fer_lib.analysis.model_size import model_sizes, network_size, parameters
from fer_lib.analysis.robustness import corruption_accuracies, mean_accuracies
from fer_lib.evaluation.ensembles import Ensemble, recorded_ensembles
from fer_lib.experiments import EXPERIMENTS, HOG, HOG_CONFIGURATION
from fer_lib.profiles import Profile
from fer_lib.report.format import (
    MISSING_CELL,
    NOT_RECORDED,
    count,
    is_missing,
    percent,
    score,
    show,
)
from fer_lib.report.summaries import per_class
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run
from fer_lib.runs.store import best_single_run, find_runs

_PLUS_MINUS = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
_SPLITS = ("private_test", "deduplicated_private_test")
_THREE = ("mobilenetv2_head_only", "mobilenetv2_fine_tuned", "custom_cnn")


def percent_over_seeds(mean: float, sd: float, low: float = np.nan, high: float = np.nan) -> str:
    """Format a mean share with its standard deviation and its interval, where it has them.

    >>> percent_over_seeds(0.7311, 0.0016, 0.7162, 0.746)
    '73.1\\xa0%\\xa0±\\xa00.2 (71.6–\\u206074.6)'
    >>> percent_over_seeds(0.6531, float("nan"))
    '65.3\\xa0%'
    """
    text = percent(mean) + ("" if is_missing(sd) else f"{_PLUS_MINUS}{100 * sd:.1f}")
    if is_missing(low):
        return text
    return f"{text} ({100 * low:.1f}–\N{WORD JOINER}{100 * high:.1f})"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, the others to the right.

    >>> print(markdown_table(["model", "seeds"], [["Custom CNN", "3"]]))
    | model | seeds |
    | :--- | ---: |
    | Custom CNN | 3 |
    """
    lines = [heads, [":---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass(frozen=True)
class FrontPage:
    """The models of the front page and of the README, with their accuracies on PrivateTest.

    Attributes:
        models: the seeds of each model by title, where a list may be empty: the classical baseline,
            the networks of the source report, the SE-CNN and the best single model, then the
            headline ensemble where one is recorded.
        accuracies: of each on PrivateTest and on its de-duplicated form, by title: the columns of
            both `headline.headline_table`.
    """

    models: dict[str, list[Predictor]]
    accuracies: pd.DataFrame

    def accuracy(
        self, title: str | None, split: str = "private_test", interval: bool = False
    ) -> str:
        """The accuracy of a model as `percent_over_seeds`; not recorded for an unknown title."""
        ends = ("", "_sd", "_low", "_high") if interval else ("", "_sd")
        columns = [f"{split}_accuracy{end}" for end in ends]
        return percent_over_seeds(*self.accuracies.reindex([title])[columns].iloc[0])

    def table(self) -> str:
        """All models but the classical baseline in Markdown, one row each."""
        heads = ["model", "PrivateTest", "de-duplicated", "seeds", "parameters"]
        rows = []
        for title, seeds in self.models.items():
            if title == HOG_CONFIGURATION["title"]:
                continue
            cells = [self.accuracy(title, split, interval=True) for split in _SPLITS]
            number = MISSING_CELL if _is_ensemble(seeds) else str(len(seeds))
            rows.append([title, *cells, number, count(parameters(seeds))])
        return markdown_table(heads, rows)


@functools.lru_cache(maxsize=1)
def front_page(root: Path) -> FrontPage:
    """Find the models under `root` and average them; kept, as a table and a figure show them."""
    best = best_single_run(root)
    names = dict.fromkeys((*_THREE, "se_cnn", *([best.name] if best else [])))
    models = {HOG_CONFIGURATION["title"]: find_runs(root, HOG)}
    models |= {EXPERIMENTS[name].title: find_runs(root, name) for name in names}
    ensembles = recorded_ensembles(root)
    ensemble = headline_ensemble(ensembles, model_sizes(ensembles)) if ensembles else None
    models |= {f"Ensemble: {ensemble.title}": [ensemble]} if ensemble else {}
    pool = find_runs(root)
    tables = (headline_table(models, split, pool=pool).set_index("model") for split in _SPLITS)
    return FrontPage(models, pd.concat([t.drop(columns="seeds") for t in tables], axis=1))


def _is_ensemble(predictors: list[Predictor]) -> bool:
    return any(isinstance(each, Ensemble) for each in predictors)


def quoted_numbers(profile: Profile) -> dict[str, str]:
    """What the pages of a profile quote, by key."""
    page, best = front_page(profile.results_folder), best_single_run(profile.results_folder)
    # The records of analyses are of FER2013's runs: a run on synthetic faces has the same key.
    analyzed = best if profile.name == "full" else None
    return (
        {"front_table": page.table()}
        | _baselines(page)
        | _improved(page)
        | _best(page, best)
        | _model_card(best)
        | _label_noise(analyzed)
        | _robustness(analyzed)
        | _deployment(analyzed)
    )


def _baselines(page: FrontPage) -> dict[str, str]:
    """The networks of the source report, here and there, and the classical baseline."""
    source = source_accuracies().set_index("model")["source_report_accuracy"]
    titles = {name: EXPERIMENTS[name].title for name in _THREE}
    return {
        **{f"{name}_private": page.accuracy(title) for name, title in titles.items()},
        **{f"{name}_source": percent(source[title]) for name, title in titles.items()},
        "custom_cnn_parameters": count(parameters(page.models[titles["custom_cnn"]])),
        "mobilenetv2_multiply_adds": count(network_size(EXPERIMENTS[_THREE[1]]).multiply_adds),
        "hog_private": page.accuracy(HOG_CONFIGURATION["title"]),
    }


def _improved(page: FrontPage) -> dict[str, str]:
    """The SE-CNN and the headline ensemble."""
    se_cnn = EXPERIMENTS["se_cnn"].title
    ensemble = next((t for t, seeds in page.models.items() if _is_ensemble(seeds)), None)
    return {
        "se_cnn_parameters": count(parameters(page.models[se_cnn])),
        "se_cnn_private": page.accuracy(se_cnn),
        "ensemble_title": page.models[ensemble][0].title if ensemble else NOT_RECORDED,
        "ensemble_private": page.accuracy(ensemble),
    }


def _best(page: FrontPage, best: Run | None) -> dict[str, str]:
    """The best single model, over its seeds."""
    title = EXPERIMENTS[best.name].title if best else NOT_RECORDED
    seeds = page.models.get(title, [])
    size = model_sizes([Ensemble("best", (best,))] if best else [])
    deduplicated = _SPLITS[1]
    return {
        "best_title": title,
        "best_parameters": count(parameters(seeds)),
        "best_seeds": str(len(seeds)),
        "best_multiply_adds": count(size["multiply_adds"].max() if best else None),
        "best_private": page.accuracy(title),
        "best_private_interval": page.accuracy(title, interval=True),
        "best_deduplicated": page.accuracy(title, deduplicated),
        "best_deduplicated_interval": page.accuracy(title, deduplicated, interval=True),
    }


def _model_card(best: Run | None) -> dict[str, str]:
    """Seed 0 of the best single model, which the model card describes."""
    calibration = calibration_table({"best": [best] if best else []}).iloc[0]
    coverage = accuracy_at_coverage(best, 0.8) if best else None
    classes = show(per_class(best, "private_test")).data
    return {
        "card_private": percent(*estimate(best, "private_test")),
        "card_per_class": markdown_table(classes.columns, classes.to_numpy()),
        "card_masked_images": count(best.config.get("ferplus_masked_images") if best else None),
        "card_temperature": score(calibration["temperature"]),
        "card_ece": score(calibration["ece"]),
        "card_ece_scaled": score(calibration["ece_scaled"]),
        "card_accuracy_80_percent_coverage": percent(coverage),
    }


def _label_noise(best: Run | None) -> dict[str, str]:
    """FER2013's labels against the votes of FER+, and the model by agreement of the annotators."""
    noise = label_noise()
    by_class = noise.agreement_by_class.set_index("emotion")["agreement"]
    by_votes = accuracy_by_agreement({"best": best}).set_index("votes")["label_accuracy"]
    return {
        "agreement": percent(noise.agreement),
        "agreement_fear": percent(by_class["fear"]),
        **{f"card_accuracy_{n}_votes": percent(by_votes.get(n)) for n in (4, 10)},
    }


def _robustness(best: Run | None) -> dict[str, str]:
    """Accuracy of the best single model under corruptions, its means over their severities."""
    means = mean_accuracies(corruption_accuracies({"best": best})).set_index("corruption")
    accuracies = means.get("best", {})
    return {
        "card_accuracy_clean": percent(accuracies.get("clean")),
        "card_accuracy_corrupted": percent(accuracies.get("mean")),
        "card_accuracy_noise": percent(accuracies.get("noise")),
        "card_accuracy_translation": percent(accuracies.get("shift")),
    }


def _deployment(best: Run | None) -> dict[str, str]:
    """File size in MB and latency in ms of the exported best single model."""
    title = best.experiment.title if best else None
    exported = latency().set_index(["model", "form"])
    numbers = {}
    for end, form in (("", "ONNX"), ("_int8", "ONNX, int8")):
        measured = exported.loc[(title, form)] if (title, form) in exported.index else {}
        for key, column in (("card_megabytes", "megabytes"), ("card_latency", "latency_ms")):
            numbers[f"{key}{end}"] = f"{measured[column]:.1f}" if len(measured) else NOT_RECORDED
    return numbers
