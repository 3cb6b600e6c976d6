"""The ledger of all evaluations on PrivateTest: what was evaluated, when, and for which purpose."""

import csv
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from fer_lib.io import atomic_write

if TYPE_CHECKING:
    import pandas as pd

LEDGER_FILE = "private_test_ledger.csv"
COLUMNS = ("date", "kind", "evaluated", "purpose")
KINDS = ("run", "TTA", "ensemble", "analysis", "trial", "exploratory")


def read_ledger(results: Path) -> "pd.DataFrame":
    """Read the ledger under `results`, in chronological order.

    Returns:
        One row per evaluation: `date` (of the record, ISO 8601; NaN and last where it is not
        known), `kind` (one of `KINDS`), `evaluated` (the key of a run, the name of an ensemble, or
        a description) and `purpose`; empty without a ledger.
    """
    import pandas as pd

    path = results / LEDGER_FILE
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(path).sort_values("date", kind="stable", ignore_index=True)


def add_to_ledger(results: Path, kind: str, evaluated: str, purpose: str) -> None:
    """Append an evaluation of today to the ledger.

    Raises:
        ValueError: the kind is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind {kind!r}; there are {', '.join(KINDS)}")
    path = results / LEDGER_FILE
    rows = path.read_text(encoding="utf-8") if path.is_file() else ",".join(COLUMNS) + "\n"
    with atomic_write(path) as tmp, tmp.open("w", newline="", encoding="utf-8") as file:
        file.write(rows)
        row = (date.today().isoformat(), kind, evaluated, purpose)
        csv.writer(file, lineterminator="\n").writerow(row)
