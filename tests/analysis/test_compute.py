from types import SimpleNamespace

import pytest

from fer_lib.analysis.compute import training_compute


def run(hours, epochs, **hardware):
    return SimpleNamespace(config={"hours": hours, "epochs_run": epochs, "hardware": hardware})


def test_hours_and_energy_by_hand():
    runs = [
        run(2.0, 10, cores=1),
        run(1.5, 20, cores=2),
        run(0.1, 30, cores=16, gpu="NVIDIA H200"),
        SimpleNamespace(config={"hardware": {"cores": 2}}),  # the classical baseline
    ]
    table = training_compute(runs).set_index("device")
    assert table.loc["CPU core", ["runs", "epochs"]].tolist() == [2, 30]
    assert table.loc["CPU core", "hours"] == pytest.approx(2 + 2 * 1.5)
    assert table.loc["CPU core", "energy_kwh"] == pytest.approx(5 * 10 / 1000)
    assert table.loc["GPU", "hours"] == pytest.approx(0.1)
    assert table.loc["GPU", "energy_kwh"] == pytest.approx(0.07)
