from types import SimpleNamespace

import pandas as pd

from fer_lib.analysis.convergence import convergence_epochs, training_summary


def test_training_summary_reads_the_best_epoch_or_with_swa_the_last(run, averaged_run):
    history, summary = run.history, training_summary(run)
    best = history["val_loss"].idxmin()
    assert (summary.epochs, summary.best_epoch) == (3, best + 1)
    assert summary.val_loss == history["val_loss"].min()
    assert summary.train_accuracy == history["accuracy"][best]
    assert summary.last_train_accuracy == history["accuracy"].iloc[-1]
    averaged = training_summary(averaged_run)
    assert averaged.best_epoch == 3 and averaged.val_loss == history["val_loss"].iloc[-1]
    assert training_summary(None).epochs is None


def test_convergence_is_the_first_epoch_at_95_percent_of_the_best():
    slow, quick = (
        SimpleNamespace(history=pd.DataFrame({"val_accuracy": curve}))
        for curve in ((0.3, 0.5, 0.58, 0.6), (0.38, 0.4, 0.41))
    )
    table = convergence_epochs({"Slow": slow, "Quick": quick, "Missing": None})
    # 0.58 ≥ 0.95 · 0.6 = 0.57, and 0.38 < 0.95 · 0.41 = 0.3895 < 0.40
    assert table["epoch"].tolist()[:2] == [3, 2] and table["epochs"].tolist()[:2] == [4, 3]
    assert table.iloc[2, 1:].isna().all()
