"""The numbers that the prose pages of the report quote, as text.

A page writes `{{ key }}`; Jupyter Book puts the text of the key there. Values are formatted
numbers, titles of models and small Markdown tables, never sentences. What is not recorded is
"not recorded". A key that no page uses fails a test, and one that is not defined fails the build.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_lib.analysis.calibration import accuracy_at_coverage, calibration_table
from fer_lib.analysis.comparison import estimate, source_accuracies
from fer_lib.analysis.ensembles import headline_ensemble
from fer_lib.analysis.label_noise import accuracy_by_agreement, label_noise
from fer_lib.analysis.model_size import model_sizes, network_size
from fer_lib.analysis.robustness import corruption_accuracies, mean_accuracies
from fer_lib.analysis.seed_means import SeedMean, parameters, seed_means
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
_THREE = ("mobilenetv2_head_only", "mobilenetv2_fine_tuned", "custom_cnn")


def percent_over_seeds(mean: SeedMean, interval: bool = False) -> str:
    """Format a mean share with its standard deviation, where it has one, and with its interval.

    >>> percent_over_seeds(SeedMean(0.7311, 0.0016, 0.7162, 0.746), interval=True)
    '73.1\\xa0%\\xa0±\\xa00.2 (71.6–\\u206074.6)'
    >>> percent_over_seeds(SeedMean(0.6531))
    '65.3\\xa0%'
    """
    sd = "" if is_missing(mean.sd) else f"{_PLUS_MINUS}{100 * mean.sd:.1f}"
    text = f"{percent(mean.mean)}{sd}"
    if not interval or is_missing(mean.low):
        return text
    return f"{text} ({100 * mean.low:.1f}–\N{WORD JOINER}{100 * mean.high:.1f})"


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
        private: the mean accuracy of each on PrivateTest.
        deduplicated: the same without the images that also occur in Training.
    """

    models: dict[str, list[Predictor]]
    private: dict[str, SeedMean]
    deduplicated: dict[str, SeedMean]

    def table(self) -> str:
        """All models but the classical baseline in Markdown, one row each."""
        heads = ["model", "PrivateTest", "de-duplicated", "seeds", "parameters"]
        rows = []
        for title, seeds in self.models.items():
            if title == HOG_CONFIGURATION["title"]:
                continue
            means = (self.private[title], self.deduplicated[title])
            cells = [percent_over_seeds(mean, interval=True) for mean in means]
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
    splits = ("private_test", "deduplicated_private_test")
    pool = find_runs(root)
    return FrontPage(models, *(seed_means(models, split, pool) for split in splits))


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
    )


def _baselines(page: FrontPage) -> dict[str, str]:
    """The networks of the source report, here and there, and the classical baseline."""
    source = source_accuracies().set_index("model")["source_report_accuracy"]
    titles = {name: EXPERIMENTS[name].title for name in _THREE}
    means = {name: page.private[title] for name, title in titles.items()}
    return {
        **{f"{name}_private": percent_over_seeds(mean) for name, mean in means.items()},
        **{f"{name}_source": percent(source[title]) for name, title in titles.items()},
        "custom_cnn_parameters": count(parameters(page.models[titles["custom_cnn"]])),
        "mobilenetv2_multiply_adds": count(network_size(EXPERIMENTS[_THREE[1]]).multiply_adds),
        "hog_private": percent_over_seeds(page.private[HOG_CONFIGURATION["title"]]),
    }


def _improved(page: FrontPage) -> dict[str, str]:
    """The SE-CNN and the headline ensemble."""
    se_cnn = EXPERIMENTS["se_cnn"].title
    ensemble = next((t for t, seeds in page.models.items() if _is_ensemble(seeds)), None)
    return {
        "se_cnn_parameters": count(parameters(page.models[se_cnn])),
        "se_cnn_private": percent_over_seeds(page.private[se_cnn]),
        "ensemble_title": page.models[ensemble][0].title if ensemble else NOT_RECORDED,
        "ensemble_private": percent_over_seeds(page.private.get(ensemble, SeedMean())),
    }


def _best(page: FrontPage, best: Run | None) -> dict[str, str]:
    """The best single model, over its seeds."""
    title = EXPERIMENTS[best.name].title if best else NOT_RECORDED
    seeds = page.models.get(title, [])
    size = model_sizes([Ensemble("best", (best,))] if best else [])
    private, deduplicated = (
        means.get(title, SeedMean()) for means in (page.private, page.deduplicated)
    )
    return {
        "best_title": title,
        "best_parameters": count(parameters(seeds)),
        "best_seeds": str(len(seeds)),
        "best_multiply_adds": count(size["multiply_adds"].max() if best else None),
        "best_private": percent_over_seeds(private),
        "best_private_interval": percent_over_seeds(private, interval=True),
        "best_deduplicated": percent_over_seeds(deduplicated),
        "best_deduplicated_interval": percent_over_seeds(deduplicated, interval=True),
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
    """Mean accuracy of the best single model under corruptions, over their severities."""
    means = mean_accuracies(corruption_accuracies({"best": best})).set_index("corruption")
    accuracies = means.get("best", {})
    return {
        "card_accuracy_clean": percent(accuracies.get("clean")),
        "card_accuracy_noise": percent(accuracies.get("noise")),
        "card_accuracy_translation": percent(accuracies.get("shift")),
    }
