"""Export the best recorded single model in each form, and compare each file with Keras.

Needs FER2013, on whose PublicTest the files are compared, and the `train` extra. Writes
`results/analysis/exports.json`.

    python benchmarks/exports.py
"""

import tempfile
from dataclasses import asdict
from pathlib import Path

from fer_lib.analysis.benchmarks import EXPORTS_PATH
from fer_lib.data.dataset import load_dataset
from fer_lib.deploy.litert_export import export_litert
from fer_lib.deploy.onnx_export import export_onnx
from fer_lib.io import write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.manifest import manifest_updated
from fer_lib.runs.store import best_single_run


def main() -> None:
    run, dataset, rows = best_single_run(RESULTS), load_dataset(), []
    with tempfile.TemporaryDirectory() as folder:
        onnx, int8, litert = (Path(folder) / n for n in ("a.onnx", "int8.onnx", "a.tflite"))
        reports = {
            ("ONNX", "", onnx): export_onnx(run, onnx, dataset),
            ("ONNX, int8", "--int8", int8): export_onnx(run, int8, dataset, int8=True),
            ("LiteRT", "--litert", litert): export_litert(run, litert, dataset),
        }
        for (form, option, path), report in reports.items():
            size = path.stat().st_size
            rows.append({"form": form, "option": option, "bytes": size, **asdict(report)})
            print(rows[-1])
    with manifest_updated():
        write_json(EXPORTS_PATH, {"model": run.key, "rows": rows})


if __name__ == "__main__":
    main()
