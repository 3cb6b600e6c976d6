"""Export a run as one ONNX file: gray pixels in, calibrated probabilities out."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import onnx
from keras import ops
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fer_lib import __version__
from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.data.synthetic import balanced_faces
from fer_lib.deploy.half_precision import store_half_precision
from fer_lib.deploy.inference import BATCH, INPUT, OUTPUT, OnnxModel, export_fingerprint
from fer_lib.evaluation.calibration import fit_temperature
from fer_lib.evaluation.inference import load_model
from fer_lib.io import atomic_write
from fer_lib.runs.run import PREDICTIONS_FILE, Run
from fer_lib.tta import View, views

MAX_PROBABILITY_DIFFERENCE = 1e-4  # of a float file from Keras
MAX_ACCURACY_LOSS = 0.005  # of an int8 file on PublicTest
CALIBRATION_IMAGES = 512  # for the ranges of int8
_SYNTHETIC_IMAGES = 140


class ExportError(ValueError):
    """Raised for an exported file that differs too much from Keras; the message says how much."""


@dataclass(frozen=True)
class ExportReport:
    """Comparison of an exported file with the model in Keras.

    Attributes:
        int8: whether the file computes in 8 bits.
        synthetic: whether the images are synthetic faces instead of PublicTest.
        images: the number of images compared.
        max_probability_difference: the largest absolute difference of a probability.
        accuracy_keras, accuracy: accuracy on PublicTest in Keras and of the file; None on synthetic
            faces.
    """

    int8: bool
    synthetic: bool
    images: int
    max_probability_difference: float
    accuracy_keras: float | None = None
    accuracy: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether a float file reproduces Keras's probabilities, or an int8 file its accuracy.

        An int8 file whose accuracy is unknown is accepted.
        """
        if not self.int8:
            return self.max_probability_difference <= MAX_PROBABILITY_DIFFERENCE
        return self.accuracy is None or self.accuracy_keras - self.accuracy <= MAX_ACCURACY_LOSS


def export_onnx(
    run: Run, path: Path, dataset: Dataset | None = None, int8: bool = False
) -> ExportReport:
    """Export a run as one ONNX file and compare it with Keras.

    Input `pixels`: gray levels 0–255, float32 [n, 48, 48, 1], of any n. Output `probabilities`:
    float32 [n, 7]. The graph averages the views of the run's TTA scheme and divides the logits by
    the temperature fitted on PublicTest. Labels, TTA scheme, temperature and origin are in the
    file's metadata. Weights recorded in half precision are stored in half precision and converted
    to float32 for computation, which loses nothing. The file appears only if it passes the
    comparison.

    Args:
        dataset: FER2013, whose PublicTest is used for the comparison; None uses synthetic faces.
        int8: quantize convolutions and dense layers to 8 bits. The ranges of the activations come
            from 512 images of Training, or from synthetic faces without a data set.

    Raises:
        ExportError: a probability of a float file is more than 1e-4 from Keras's, or the accuracy
            of an int8 file on PublicTest is more than 0.005 below Keras's; no file is left.
        RunError: the run keeps no weights.
    """
    with atomic_write(path) as tmp:
        report = compare_with_keras(tmp, write_onnx(run, tmp, dataset, int8), dataset)
        require_accepted(report, path)
    return report


def require_accepted(report: ExportReport, path: Path) -> None:
    """Raise an error unless a report is accepted.

    Raises:
        ExportError: it is not; the message has the numbers and the path.
    """
    if not report.accepted:
        raise ExportError(
            f"{path}: accuracy on PublicTest {report.accuracy:.2%}, in Keras "
            f"{report.accuracy_keras:.2%}; int8 may lose at most {MAX_ACCURACY_LOSS:.1%}"
            if report.int8
            else f"{path}: a probability differs by {report.max_probability_difference:.1e} "
            f"from Keras; at most {MAX_PROBABILITY_DIFFERENCE:.0e} is allowed"
        )


def write_onnx(
    run: Run, path: Path, dataset: Dataset | None = None, int8: bool = False
) -> keras.Model:
    """Export a run without comparing it, and return the same model in Keras.

    Args and raises: as `export_onnx`.
    """
    temperature = fit_run_temperature(run)
    model = calibrated_model(run, temperature)
    _convert(model, path)
    if int8:
        _quantize(path, dataset)
    else:
        store_half_precision(path, model.get_weights())
    exported = onnx.load(path)
    metadata = {
        "labels": ",".join(EMOTION_NAMES),
        "temperature": repr(temperature),
        "tta": run.experiment.tta,
        "version": __version__,
        "experiment": run.name,
        "seed": str(run.seed),
        "precision": "int8" if int8 else "float32",
        "input": "gray levels 0-255, float32 [n, 48, 48, 1]",
        "output": "calibrated probabilities, float32 [n, 7], in the order of the labels",
        "fingerprint": export_fingerprint(run.weights, run.folder / PREDICTIONS_FILE),
    }
    onnx.helper.set_model_props(exported, metadata)
    onnx.checker.check_model(exported)
    onnx.save(exported, path)
    return model


def compare_with_keras(path: Path, model: keras.Model, dataset: Dataset | None) -> ExportReport:
    """Compare an exported file with the same model in Keras.

    Args:
        dataset: as `export_onnx`.
    """
    exported = OnnxModel(path)
    return compare(
        exported.probabilities, model, dataset, int8=exported.metadata["precision"] == "int8"
    )


def compare(
    predict: Callable[[np.ndarray], np.ndarray],
    model: keras.Model,
    dataset: Dataset | None,
    int8: bool = False,
) -> ExportReport:
    """Compare an exported model with the same model in Keras.

    Args:
        predict: returns probabilities, [n, 7], of gray levels, uint8 [n, 48, 48].
        dataset: as `export_onnx`.
        int8: whether the exported model computes in 8 bits.
    """
    test = dataset.public_test if dataset else balanced_faces(_SYNTHETIC_IMAGES, seed=1)
    images, labels = test.images, test.labels
    expected = model.predict(images[..., None].astype(np.float32), batch_size=BATCH, verbose=0)
    probabilities = predict(images)
    accuracies = [float((p.argmax(axis=1) == labels).mean()) for p in (expected, probabilities)]
    return ExportReport(
        int8,
        dataset is None,
        len(images),
        float(np.abs(probabilities - expected).max()),
        *(accuracies if dataset else ()),
    )


def fit_run_temperature(run: Run) -> float:
    """Fit the temperature of a run on its recorded predictions for PublicTest."""
    recorded = run.predictions["public_test"]
    return fit_temperature(recorded.logits, recorded.labels)


def calibrated_model(run: Run, temperature: float) -> keras.Model:
    """Build a run's model with TTA and temperature scaling in the graph.

    With several views, the logarithm of their mean probability takes the place of the logits, as in
    the recorded predictions.

    Returns:
        A model from gray levels 0–255, float32 [n, 48, 48, 1], to probabilities, float32 [n, 7].

    Raises:
        RunError: the run keeps no weights.
    """
    network, scheme = load_model(run), views(run.experiment.tta)
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name=INPUT)
    if len(scheme) == 1:
        logits = network(pixels)
    else:
        batch = ops.concatenate([_view_in_graph(view, pixels) for view in scheme])
        by_view = ops.reshape(network(batch), (len(scheme), -1, len(EMOTION_NAMES)))
        logits = ops.log(ops.mean(ops.softmax(by_view), axis=0))
    model = keras.Model(pixels, ops.softmax(logits / temperature))
    # Keras exports only a model that has been called.
    model(np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32))
    return model


def _view_in_graph(view: View, pixels):
    """Apply a view to images [n, 48, 48, 1] with Keras operations.

    A view permutes or repeats rows and columns. It is applied to an image of row indices and one of
    column indices, which then select the pixels, so that `tta.View` remains its only definition.
    """
    identity = np.arange(IMAGE_SIZE)
    rows, columns = view(np.stack(np.meshgrid(identity, identity, indexing="ij")))
    for axis, taken in ((1, rows[:, 0]), (2, columns[0])):
        if not np.array_equal(taken, identity):
            pixels = ops.take(pixels, taken, axis=axis)
    return pixels


def _convert(model: keras.Model, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Keras's patch to tf2onnx
        model.export(path, format="onnx", verbose=False)
    graph = onnx.load(path)
    (output,) = graph.graph.output
    for node in graph.graph.node:
        node.output[:] = [OUTPUT if name == output.name else name for name in node.output]
    output.name = OUTPUT
    onnx.save(graph, path)


class _CalibrationImages(CalibrationDataReader):
    def __init__(self, images: np.ndarray):
        pixels = images[..., None].astype(np.float32)
        self._batches = iter(np.array_split(pixels, -(-len(pixels) // BATCH)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _quantize(path: Path, dataset: Dataset | None) -> None:
    """Quantize a float file to int8 in place.

    Weights have 7 bits and a scale per filter, because sums of 8-bit products overflow on
    processors without 8-bit dot products.
    """
    training = dataset.training if dataset else balanced_faces(CALIBRATION_IMAGES, seed=0)
    rows = np.random.default_rng(0).permutation(len(training))[:CALIBRATION_IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            path,
            _CalibrationImages(training.images[rows]),
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
