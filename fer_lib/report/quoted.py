"""The numbers that the prose pages of the report quote, as text.

A page writes `{{ key }}`; Jupyter Book puts the text of the key there. Values are formatted
numbers, titles of models and small Markdown tables, never sentences. What is not recorded is
"not recorded". A key that no page uses fails a test, and one that is not defined fails the build.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

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

_DEDUPLICATED = "deduplicated_private_test"
_STRICT = f"strictly_{_DEDUPLICATED}"
_SPLITS = ("private_test", _DEDUPLICATED, _STRICT)
_DASH = "–\N{WORD JOINER}"
_THREE = ("mobilenetv2_head_only", "mobilenetv2_fine_tuned", "custom_cnn")


def over_seeds(accuracy: str, seeds: int, sd: float) -> str:
    """Add the number of seeds and their standard deviation, a share, to a formatted accuracy.

    >>> over_seeds("73.1\\xa0% (71.7–74.6)", 3, 0.0016)
    '73.1\\xa0% (71.7–74.6; n\\xa0=\\xa03, SD\\xa00.2)'
    """
    if is_missing(sd):
        return accuracy
    spread = f"n = {seeds}", f"SD {100 * sd:.1f}"
    kept_whole = ", ".join(each.replace(" ", "\N{NO-BREAK SPACE}") for each in spread)
    return f"{accuracy.removesuffix(')')}; {kept_whole})"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, the others to the right.

    >>> print(markdown_table(["model", "seeds"], [["Custom CNN", "3"]]))
    | model | seeds |
    | :--- | ---: |
    | Custom CNN | 3 |
    """
    lines = [heads, [":---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex_row(heads: Sequence[str], cells: Sequence[str]) -> str:
    """A row of a LaTeX table, below a comment with the heads, as a block of code in Markdown.

    >>> print(latex_row(["network", "accuracy"], ["SE-CNN", "70.6"]))
    ```latex
    % network & accuracy
    SE-CNN & 70.6 \\\\
    ```
    """
    lines = ["```latex", "% " + " & ".join(heads), " & ".join(cells) + r" \\", "```"]
    return "\n".join(lines)


@dataclass(frozen=True)
class FrontPage:
    """The models of the front page and of the README, with their accuracies on PrivateTest.

    Attributes:
        models: the seeds of each model by title, where a list may be empty: the classical baseline,
            the networks of the source report, the SE-CNN and the best single model, then the
            headline ensemble where one is recorded.
        accuracies: of each on PrivateTest and on its two de-duplicated forms, by title: the
            number of `seeds`, and the other columns of the three `headline.headline_table`.
    """

    models: dict[str, list[Predictor]]
    accuracies: pd.DataFrame

    def accuracy(self, title: str | None, split: str = "private_test") -> str:
        """The mean accuracy of a model and its interval; not recorded for an unknown title."""
        columns = [f"{split}_accuracy{end}" for end in ("", "_low", "_high")]
        return percent(*self.accuracies.reindex([title])[columns].iloc[0]).replace("–", _DASH)

    def over_seeds(self, title: str | None, split: str = "private_test") -> str:
        """The same with the number of seeds and their standard deviation."""
        sd = self.accuracies.reindex([title])[f"{split}_accuracy_sd"].iloc[0]
        return over_seeds(self.accuracy(title, split), len(self.models.get(title, ())), sd)

    def table(self) -> str:
        """All models but the classical baseline in Markdown, one row each."""
        heads = ["model", "PrivateTest", "seeds", "seed SD", "de-duplicated", "parameters"]
        rows = []
        for title, seeds in self.models.items():
            if title == HOG_CONFIGURATION["title"]:
                continue
            sd = self.accuracies.loc[title, "private_test_accuracy_sd"]
            number = MISSING_CELL if _is_ensemble(seeds) else str(len(seeds))
            spread = MISSING_CELL if is_missing(sd) else f"{100 * sd:.1f}"
            private, deduplicated = (self.accuracy(title, split) for split in _SPLITS[:2])
            size = count(parameters(seeds))
            rows.append([title, private, number, spread, deduplicated, size])
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
    tables = [headline_table(models, split, pool=pool).set_index("model") for split in _SPLITS]
    further = [table.drop(columns="seeds") for table in tables[1:]]
    return FrontPage(models, pd.concat([tables[0], *further], axis=1))


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
        **{f"{name}_private": page.over_seeds(title) for name, title in titles.items()},
        **{f"{name}_source": percent(source[title]) for name, title in titles.items()},
        "custom_cnn_parameters": count(parameters(page.models[titles["custom_cnn"]])),
        "mobilenetv2_multiply_adds": count(network_size(EXPERIMENTS[_THREE[1]]).multiply_adds),
        "hog_private": page.over_seeds(HOG_CONFIGURATION["title"]),
    }


def _improved(page: FrontPage) -> dict[str, str]:
    """The SE-CNN and the headline ensemble."""
    se_cnn = EXPERIMENTS["se_cnn"].title
    ensemble = next((t for t, seeds in page.models.items() if _is_ensemble(seeds)), None)
    return {
        "se_cnn_parameters": count(parameters(page.models[se_cnn])),
        "se_cnn_private": page.over_seeds(se_cnn),
        "ensemble_title": page.models[ensemble][0].title if ensemble else NOT_RECORDED,
        "ensemble_private": page.over_seeds(ensemble),
    }


def _best(page: FrontPage, best: Run | None) -> dict[str, str]:
    """The best single model, over its seeds."""
    title = EXPERIMENTS[best.name].title if best else NOT_RECORDED
    seeds = page.models.get(title, [])
    size = model_sizes([Ensemble("best", (best,))] if best else [])
    return {
        "best_title": title,
        "best_parameters": count(parameters(seeds)),
        "best_multiply_adds": count(size["multiply_adds"].max() if best else None),
        "best_private": page.over_seeds(title),
        "best_deduplicated": page.over_seeds(title, _DEDUPLICATED),
        "best_strictly_deduplicated": page.over_seeds(title, _STRICT),
        "best_latex_row": _latex_row(page, title),
    }


def _latex_row(page: FrontPage, title: str) -> str:
    """A model with its accuracies, their intervals and its seeds, for a table of another paper."""
    heads = ["network", "PrivateTest (95\\,\\% interval)", "de-duplicated", "seeds", "protocol"]
    texts = [page.accuracy(title, split) for split in _SPLITS[:2]]
    texts = [text.replace("\N{NO-BREAK SPACE}%", "\\,\\%").replace(_DASH, "--") for text in texts]
    protocol = "FER+ votes in training, selected on PublicTest, flip TTA"
    seeds = str(len(page.models.get(title, ())))
    return latex_row(heads, [f"{title}~\\cite{{fer2013compact}}", *texts, seeds, protocol])


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
