from datetime import date

import pytest

from fer_lib.evaluation.ensembles import recorded_ensembles
from fer_lib.evaluation.tta_predictions import tta_predictions
from fer_lib.experiments import EXPERIMENTS, HOG
from fer_lib.paths import RESULTS
from fer_lib.runs.ledger import add_to_ledger, read_ledger
from fer_lib.runs.store import find_runs


@pytest.fixture(scope="module")
def recorded():
    return [run for run in find_runs(RESULTS) if "private_test" in run.predictions]


def evaluated(kind):
    ledger = read_ledger(RESULTS)
    return ledger.loc[ledger["kind"] == kind, "evaluated"].tolist()


def test_each_recorded_run_with_private_test_has_one_row(recorded):
    assert sorted(evaluated("run")) == sorted(run.key for run in recorded)


def test_only_listed_experiments_are_evaluated(recorded):
    assert all(run.name == HOG or EXPERIMENTS[run.name].evaluate_private_test for run in recorded)


def test_each_ensemble_and_each_tta_prediction_has_one_row(recorded):
    titles = [ensemble.title for ensemble in recorded_ensembles(RESULTS)]
    assert sorted(evaluated("ensemble")) == sorted(titles)
    keys = [run.key for run in recorded if "private_test" in (tta_predictions(run) or {})]
    assert sorted(row.split()[0] for row in evaluated("TTA")) == sorted(keys)


def test_rows_are_appended_with_the_date_and_sorted(tmp_path):
    assert read_ledger(tmp_path).empty
    path = tmp_path / "private_test_ledger.csv"
    path.write_text("date,kind,evaluated,purpose\n,trial,b,c\n2020-01-01,run,a/seed-0,d\n")
    add_to_ledger(tmp_path, "run", 'x, "quoted"/seed-1', "listed experiment")
    table = read_ledger(tmp_path)
    assert table["evaluated"].tolist() == ["a/seed-0", 'x, "quoted"/seed-1', "b"]
    assert table.loc[1, "date"] == date.today().isoformat()
    with pytest.raises(ValueError, match="no kind 'guess'"):
        add_to_ledger(tmp_path, "guess", "a", "b")
