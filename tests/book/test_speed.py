"""What keeps `make book` fast."""

import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2] / "fer_lib"
SHOWN = ("analysis", "evaluation", "plotting", "report", "runs")  # what pages import


def test_pages_import_no_keras():
    """Keras and TensorFlow take seconds to import; only a function that computes with them may."""
    modules = [
        ".".join(("fer_lib", *path.relative_to(LIBRARY).with_suffix("").parts))
        for folder in SHOWN
        for path in sorted((LIBRARY / folder).glob("*.py"))
        if path.stem != "__init__"
    ]
    code = f"import importlib, sys\nfor name in {[*modules, 'fer_lib.training.dispatch']}:\n"
    code += "    importlib.import_module(name)\n"
    code += "    assert not {'keras', 'tensorflow'} & sys.modules.keys(), name\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
