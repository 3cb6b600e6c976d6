"""The compute that the recorded runs took, and an estimate of its energy."""

from collections.abc import Iterable
from types import MappingProxyType

import pandas as pd

from fer_lib.runs.run import Run

# Assumed electric power in watts, drawn at full load with its share of the machine: of one CPU core
# (a server processor of 64 cores draws some 300 W) and of one GPU (the limit of an H200).
WATTS = MappingProxyType({"CPU core": 10.0, "GPU": 700.0})


def training_compute(runs: Iterable[Run]) -> pd.DataFrame:
    """Hours and energy of training, by kind of device.

    Runs that shared a GPU at the same time are counted with their full hours each, so the hours of
    a GPU are an upper bound. Runs that were not recorded, and trials, are not included.

    Returns:
        One row per device, `CPU core` or `GPU`: `device`, `runs`, `epochs`, `hours` (of one core or
        one GPU), and `energy_kwh`, the hours times `WATTS`.
    """
    rows = []
    for run in runs:
        config = run.config
        if "hours" not in config:
            continue
        hardware = config["hardware"]
        device = "GPU" if "gpu" in hardware else "CPU core"
        cores = 1 if device == "GPU" else hardware["cores"]
        hours = config["hours"] * cores
        rows.append((device, 1, config["epochs_run"], hours, hours * WATTS[device] / 1000))
    columns = ["device", "runs", "epochs", "hours", "energy_kwh"]
    return pd.DataFrame(rows, columns=columns).groupby("device", as_index=False).sum()
