"""How runs converged: their best epochs, and what their training curves say of them."""

from dataclasses import dataclass

import pandas as pd

from fer_lib.runs.run import Run


@dataclass(frozen=True)
class TrainingSummary:
    """How a run was trained; all None where it is not recorded.

    Accuracies on Training are measured with augmentation and dropout, while the weights change;
    those on PublicTest without test-time augmentation.

    Attributes:
        epochs: how many were trained.
        best_epoch: the epoch of the lowest loss on PublicTest, whose weights are kept; with SWA the
            last one.
        train_accuracy, val_accuracy, val_loss: on Training and PublicTest in that epoch.
        last_train_accuracy, last_val_loss: in the last epoch.
    """

    epochs: int | None = None
    best_epoch: int | None = None
    train_accuracy: float | None = None
    val_accuracy: float | None = None
    val_loss: float | None = None
    last_train_accuracy: float | None = None
    last_val_loss: float | None = None


def training_summary(run: Run | None) -> TrainingSummary:
    """Summarize a run's training from its history and configuration."""
    if run is None:
        return TrainingSummary()
    history = run.history
    best_epoch = len(history) if run.experiment.swa_epochs else run.config["best_epoch"]
    best, last = history.iloc[best_epoch - 1], history.iloc[-1]
    return TrainingSummary(
        epochs=len(history),
        best_epoch=best_epoch,
        train_accuracy=float(best["accuracy"]),
        val_accuracy=float(best["val_accuracy"]),
        val_loss=float(best["val_loss"]),
        last_train_accuracy=float(last["accuracy"]),
        last_val_loss=float(last["val_loss"]),
    )


def convergence_epochs(runs: dict[str, Run | None]) -> pd.DataFrame:
    """When each model first reaches 95 % of its highest accuracy on PublicTest.

    One curve per model says nothing of chance, so no claim is decided by it.

    Args:
        runs: by title; None for a run that is not recorded.

    Returns:
        `model`, `epoch` (the first is 1), and `epochs`, how many were trained.
    """
    curves = {title: run.history["val_accuracy"] for title, run in runs.items() if run}
    rows = [(title, (c >= 0.95 * c.max()).argmax() + 1, len(c)) for title, c in curves.items()]
    table = pd.DataFrame(rows, columns=["model", "epoch", "epochs"]).set_index("model")
    return table.reindex(list(runs)).reset_index()
