"""Exit with one message on a Python or a machine that TensorFlow has no wheels for."""

import platform
import sys

system, machine, version = platform.system(), platform.machine(), sys.version_info[:2]
if system == "Windows":
    sys.exit("On Windows this project runs in WSL (https://learn.microsoft.com/windows/wsl).")
if system == "Darwin" and machine != "arm64":
    sys.exit(
        "TensorFlow has no wheels for Macs with Intel processors: "
        "use a Mac with Apple silicon, Linux or WSL."
    )
if not (3, 11) <= version <= (3, 13):
    found = ".".join(map(str, version))
    sys.exit(
        f"Python 3.11, 3.12 or 3.13 is needed; {sys.executable} is {found}. "
        "Try: make PYTHON=/path/to/python3.12 …"
    )
try:
    import ensurepip  # noqa: F401  (Debian keeps it in a package of its own)
except ImportError:
    sys.exit(
        "This Python cannot make virtual environments: "
        "install its venv package (Debian, Ubuntu: python3-venv)."
    )
