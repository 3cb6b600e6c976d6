"""Import TensorFlow without its start-up messages, and use it without its advice.

Its libraries print messages while they load, before TensorFlow reads `TF_CPP_MIN_LOG_LEVEL`: no
environment variable suppresses them. Its warnings advise developers: who predicts with several
models is told that the graph is traced again.
"""

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def suppress() -> None:
    """Suppress the messages of the first import of TensorFlow, whoever imports it, and warnings."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder:
    """Find TensorFlow as usual, and make its loader quiet; other modules are not its business."""

    def find_spec(self, name: str, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_quietly(module):
                with _stderr_held_back():
                    load(module)

            spec.loader.exec_module = load_quietly
        return spec


@contextmanager
def _stderr_held_back() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; print it after all if an error is raised."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
