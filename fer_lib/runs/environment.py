"""Versions and hardware, as a run's configuration records them."""

import importlib.metadata
import os
import platform
from pathlib import Path

_PACKAGES = ("keras", "tensorflow", "jax", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that results depend on."""
    return {
        name: importlib.metadata.version(name)
        for name in _PACKAGES
        if any(importlib.metadata.distributions(name=name))  # Keras needs one of its backends
    }


def hardware() -> dict:
    """Return the processor's name, the number of cores available, and the operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "system": platform.system()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
