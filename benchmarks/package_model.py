"""Export the best recorded single model into the package: a maintainer's script.

It writes `fer_lib/deploy/emotion_classifier.onnx`, which predictions use by default, and its
SHA-256 beside it. Run it whenever the best recorded run changes; a test tells. Needs the `train`
extra; FER2013, where it is there, serves for the comparison with Keras.

    python benchmarks/package_model.py
"""

from fer_lib.data.dataset import DataError, load_dataset
from fer_lib.deploy.inference import DEFAULT_MODEL
from fer_lib.deploy.onnx_export import export_onnx
from fer_lib.io import atomic_write, sha256_of
from fer_lib.paths import RESULTS
from fer_lib.runs.store import best_single_run

LARGEST = 4_000_000  # bytes


def main() -> None:
    run = best_single_run(RESULTS)
    try:
        dataset = load_dataset()
    except DataError:
        dataset = None
    report = export_onnx(run, DEFAULT_MODEL, dataset)
    size = DEFAULT_MODEL.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{DEFAULT_MODEL}: {size:,} bytes; at most {LARGEST:,} are packaged")
    with atomic_write(DEFAULT_MODEL.with_suffix(".sha256")) as path:
        path.write_text(f"{sha256_of(DEFAULT_MODEL)}  {DEFAULT_MODEL.name}\n", encoding="ascii")
    print(f"{run.key}: {size:,} bytes, differs by {report.max_probability_difference:.1e} at most")


if __name__ == "__main__":
    main()
