from pathlib import Path

import pytest


@pytest.fixture
def close_folder(monkeypatch):
    """Makes folders of a name unreadable, also for root, whom permissions do not stop."""

    def close(name):
        iterdir = Path.iterdir

        def closed(path):
            if path.name == name:
                raise PermissionError(13, "Permission denied", str(path))
            return iterdir(path)

        monkeypatch.setattr(Path, "iterdir", closed)

    return close
