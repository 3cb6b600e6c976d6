"""The numbers that the prose pages of the report quote, as text.

A page writes `{{ key }}`; Jupyter Book puts the text of the key there. Values are formatted
numbers, titles of models and small Markdown tables, never sentences. What is not recorded is
"not recorded". A key that no page uses fails a test, and one that is not defined fails the build.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fer_lib.analysis.calibration import accuracy_at_coverage, calibration_table
from fer_lib.analysis.comparison import deduplicated_accuracy, estimate, source_accuracies
from fer_lib.analysis.ensembles import headline_ensemble
from fer_lib.analysis.headline import SeedMean, parameters, pooled_seed_variance, seed_mean
from fer_lib.analysis.label_noise import accuracy_by_agreement, label_noise
from fer_lib.analysis.model_size import model_sizes
from fer_lib.analysis.robustness import corruption_accuracies, mean_accuracies
from fer_lib.evaluation.ensembles import Ensemble, recorded_ensembles
from fer_lib.experiments import EXPERIMENTS, HOG
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
from fer_lib.runs.store import best_single_run, find_run, find_runs

_THREE = ("mobilenetv2_head_only", "mobilenetv2_fine_tuned", "custom_cnn")


def percent_over_seeds(mean: SeedMean, interval: bool = False) -> str:
    """Format a mean share with its standard deviation, where it has one, and with its interval.

    >>> percent_over_seeds(SeedMean(0.7311, 0.0016, 0.7162, 0.746), interval=True)
    '73.1\\xa0% ± 0.2 (71.6–74.6)'
    >>> percent_over_seeds(SeedMean(0.6531))
    '65.3\\xa0%'
    """
    sd = "" if is_missing(mean.sd) else f" ± {100 * mean.sd:.1f}"
    limits = f" ({100 * mean.low:.1f}–{100 * mean.high:.1f})" if interval and mean.seeds else ""
    return f"{percent(mean.mean)}{sd}{limits}"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, the others to the right.

    >>> print(markdown_table(["model", "seeds"], [["Custom CNN", "3"]]))
    | model | seeds |
    | :--- | ---: |
    | Custom CNN | 3 |
    """
    lines = [heads, [":---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def front_models(root: Path) -> dict[str, list[Predictor]]:
    """The seeds of the models on the front page, by title; a list may be empty.

    They are the three networks of the source report, the SE-CNN and the best single model, then
    the headline ensemble where one is recorded.
    """
    best = best_single_run(root)
    names = dict.fromkeys((*_THREE, "se_cnn", *([best.name] if best else [])))
    models = {EXPERIMENTS[name].title: find_runs(root, name) for name in names}
    ensembles = recorded_ensembles(root)
    ensemble = headline_ensemble(ensembles, model_sizes(ensembles)) if ensembles else None
    return models | ({f"Ensemble: {ensemble.title}": [ensemble]} if ensemble else {})


def front_table(models: dict[str, list[Predictor]], seed_variance: float) -> str:
    """The table of the front page and of the README in Markdown, one row for each model.

    Args:
        models: as `front_models` returns them.
        seed_variance: as `headline.seed_mean` takes it.
    """
    heads = ["model", "parameters", "seeds", "PrivateTest accuracy", "de-duplicated PrivateTest"]
    rows = []
    for title, seeds in models.items():
        means = (seed_mean(seeds, "private_test", only, seed_variance) for only in (False, True))
        cells = [percent_over_seeds(mean, interval=True) for mean in means]
        number = MISSING_CELL if _is_ensemble(seeds) else str(len(seeds))
        rows.append([title, count(parameters(seeds)), number, *cells])
    return markdown_table(heads, rows)


def _is_ensemble(predictors: list[Predictor]) -> bool:
    return any(isinstance(each, Ensemble) for each in predictors)


def quoted_numbers(profile: Profile) -> dict[str, str]:
    """What the pages of a profile quote, by key."""
    root = profile.results_folder
    models, best = front_models(root), best_single_run(root)
    # The records of analyses are of FER2013's runs: a run on synthetic faces has the same key.
    analyzed = best if profile.name == "full" else None
    return (
        {"front_table": front_table(models, pooled_seed_variance(root))}
        | _baselines(root)
        | _improved(root, models)
        | _best(root, best)
        | _model_card(best)
        | _label_noise(analyzed)
        | _robustness(analyzed)
    )


def _mean(seeds: list[Predictor], deduplicated: bool = False) -> str:
    return percent_over_seeds(seed_mean(seeds, deduplicated=deduplicated))


def _baselines(root: Path) -> dict[str, str]:
    """The networks of the source report, here and there, and the classical baseline."""
    source = source_accuracies().set_index("model")["source_report_accuracy"]
    networks = {name: find_runs(root, name) for name in _THREE}
    return {
        **{f"{name}_private": _mean(seeds) for name, seeds in networks.items()},
        **{f"{name}_source": percent(source[EXPERIMENTS[name].title]) for name in networks},
        "custom_cnn_parameters": count(parameters(networks["custom_cnn"])),
        "hog_private": percent(estimate(find_run(root, HOG, 0), "private_test").value),
    }


def _improved(root: Path, models: dict[str, list[Predictor]]) -> dict[str, str]:
    """The SE-CNN and the headline ensemble."""
    se_cnn = find_runs(root, "se_cnn")
    (ensemble, *_) = [seeds for seeds in models.values() if _is_ensemble(seeds)] or [[]]
    return {
        "se_cnn_parameters": count(parameters(se_cnn)),
        "se_cnn_private": _mean(se_cnn),
        "ensemble_title": ensemble[0].title if ensemble else NOT_RECORDED,
        "ensemble_private": _mean(ensemble),
    }


def _best(root: Path, best: Run | None) -> dict[str, str]:
    """The best single model, over its seeds."""
    seeds = find_runs(root, best.name) if best else []
    return {
        "best_title": best.experiment.title if best else NOT_RECORDED,
        "best_parameters": count(parameters(seeds)),
        "best_seeds": str(len(seeds)),
        "best_private": _mean(seeds),
        "best_deduplicated": _mean(seeds, deduplicated=True),
    }


def _model_card(best: Run | None) -> dict[str, str]:
    """Seed 0 of the best single model, which the model card describes."""
    model = {"best": best}
    size = model_sizes([Ensemble("best", (best,))] if best else [])
    calibration = calibration_table(model).iloc[0]
    coverage = accuracy_at_coverage(best, 0.8) if best else None
    classes = show(per_class(best, "private_test")).data
    return {
        "card_private": percent(*estimate(best, "private_test")),
        "card_deduplicated": percent(*deduplicated_accuracy(best)),
        "card_per_class": markdown_table(classes.columns, classes.to_numpy()),
        "card_multiply_adds": count(size["multiply_adds"].max() if best else None),
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
