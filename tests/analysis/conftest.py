import shutil

import pytest

from fer_lib.io import write_json
from fer_lib.runs.run import Run


@pytest.fixture(scope="session")
def flip_run(run, tmp_path_factory):
    """The finished run, as one that predicts with horizontal-flip TTA."""
    folder = tmp_path_factory.mktemp("flip") / "tiny" / "seed-0"
    shutil.copytree(run.folder, folder)
    configuration = {**run.config["configuration"], "tta": "flip"}
    write_json(folder / "config.json", {**run.config, "configuration": configuration})
    return Run(folder)
