"""A damaged file in `build/` counts as none, so that the run is exported again."""

import pytest

from fer_lib.deploy.exported import export_path, is_export_of


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x08\x07" * 1000])
def test_a_damaged_export_counts_as_none(make_run, tmp_path, content):
    run = make_run(tmp_path / "runs")
    path = export_path(run, build=tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert not is_export_of(path, run)
