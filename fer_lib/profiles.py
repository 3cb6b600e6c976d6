"""The two ways to run the report.

`full` shows the recorded runs on FER2013; `quick` trains everything on synthetic faces in minutes.
"""

import ast
import contextlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from fer_lib.data.dataset import Dataset, load_dataset
from fer_lib.data.discovery import find_dataset
from fer_lib.data.synthetic import SYNTHETIC_SIZES, write_synthetic_csv
from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.io import read_json
from fer_lib.paths import ANALYSIS, RESULTS, RUNS


@dataclass(frozen=True)
class Profile:
    """Where a profile keeps its runs, and what it changes in an experiment.

    Attributes:
        name: `full` or `quick`.
        training_folder: where runs are trained (ignored by git).
        results_folder: where the runs are that the report shows.
        trains_in_notebooks: whether notebooks train, which takes minutes on synthetic faces; if
            not, they show recorded runs.
        mark: printed on every figure; may be empty.
    """

    name: str
    training_folder: Path
    results_folder: Path
    trains_in_notebooks: bool
    mark: str

    def experiment(self, name: str) -> Experiment:
        """Return an experiment as this profile runs it.

        `quick` trains for a few epochs in float32, which is fast on every processor, and starts
        pretrained networks from random weights, so that nothing is downloaded. It cannot train
        experiments with FER+ votes, which synthetic faces lack.

        Raises:
            ValueError: there is no experiment of that name.

        Example:
            >>> PROFILES["quick"].experiment("custom_cnn").epochs
            6
        """
        if name not in EXPERIMENTS:
            raise ValueError(f"no experiment {name!r}; there are {', '.join(EXPERIMENTS)}")
        experiment = EXPERIMENTS[name]
        if self.name == "full":
            return experiment
        without_weights = dict.fromkeys({"weights"} & experiment.model_options.keys())
        return replace(
            experiment,
            epochs=QUICK_EPOCHS,
            swa_epochs=min(experiment.swa_epochs, QUICK_EPOCHS),
            dtype_policy="float32",
            model_options={**experiment.model_options, **without_weights},
        )

    def dataset(self) -> Dataset | None:
        """Load this profile's faces: synthetic ones, or FER2013; None where it is not found.

        Raises:
            DataError: FER2013 is found but broken.
        """
        if self.name == "quick":
            path = self.training_folder / "synthetic.csv.gz"
            if not path.exists():
                write_synthetic_csv(path, SYNTHETIC_SIZES)
            return load_dataset(path)
        return load_dataset() if find_dataset() else None

    def class_counts(self) -> dict[str, dict[str, int]]:
        """Images by split (FER2013's own names), then by emotion.

        Those of FER2013 are recorded, so that the data set is not needed.

        Raises:
            OSError: the record is missing, such as outside the repository.
        """
        if self.name == "full":
            return read_json(ANALYSIS / "dataset.json")["class_counts"]
        return self.dataset().class_counts


QUICK_EPOCHS = 6
_QUICK_NOTICE = (
    "*Quick profile: networks are trained for a few epochs, from random weights, on synthetic "
    "faces. What is computed below shows that the code works; captions and text describe the "
    "recorded runs on FER2013. Results of networks that this profile does not train are “not "
    "recorded”. Figures without this profile's mark are records of FER2013.*"
)
_PAPERMILL_COMMENT = "# Parameters\n"

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "full": Profile("full", RUNS / "full", RESULTS, trains_in_notebooks=False, mark=""),
        "quick": Profile(
            "quick",
            RUNS / "quick",
            RUNS / "quick",
            trains_in_notebooks=True,
            mark="quick profile: synthetic faces",
        ),
    }
)


def _notebook_cells() -> list[str]:
    """The cells that the kernel of this notebook has run; none outside of Jupyter."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns.get("In", []) if hasattr(shell, "kernel") else []


def _check_notebook_parameters(cells: Iterable[str]) -> None:
    """Refuse parameters of papermill that the notebook lacks, or whose type differs.

    papermill sets a parameter in a cell of its own, after the cell of the defaults, and only warns
    where the notebook has no such name. The kernel's history holds both cells.

    Raises:
        ValueError: such a parameter is set.
    """
    defaults = {}
    for source in cells:
        values = _assigned_literals(source)
        if _is_of_papermill(source):
            if unknown := sorted(values.keys() - defaults.keys()):
                raise ValueError(
                    f"no parameter {', '.join(unknown)}; this notebook has {', '.join(defaults)}"
                )
            for name, value in values.items():
                if type(value) is not type(defaults[name]):
                    kind = type(defaults[name]).__name__
                    raise ValueError(f"the parameter {name} is {value!r}, and no {kind}")
        else:
            defaults |= values


def _is_of_papermill(cell: str) -> bool:
    return cell.startswith(_PAPERMILL_COMMENT)


def _assigned_literals(source: str) -> dict[str, object]:
    """The names to which a cell assigns literals, with their values."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return {}
    values = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                values[statement.targets[0].id] = ast.literal_eval(statement.value)
    return values


def get_profile(name: str) -> Profile:
    """Return the profile of that name.

    In a notebook, where this is the first call, the parameters that papermill has set are checked.
    A notebook that a reader runs in the quick profile shows a notice; built pages have a banner.

    Raises:
        ValueError: there is no such profile, or the notebook has no such parameter.
    """
    cells = _notebook_cells()
    _check_notebook_parameters(cells)
    if name not in PROFILES:
        raise ValueError(f"no profile {name!r}; there are {', '.join(PROFILES)}")
    if name == "quick" and cells and not any(map(_is_of_papermill, cells)):
        from IPython.display import Markdown, display

        display(Markdown(_QUICK_NOTICE))
    return PROFILES[name]
