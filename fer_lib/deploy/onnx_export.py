"""One small file of a run: an ONNX graph from grey pixels to calibrated probabilities, which checks
itself before it is there."""

import importlib.metadata
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
import onnx
from keras import ops
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy.faces import (
    INPUT,
    OUTPUT,
    Classifier,
    export_fingerprint,
    export_path,
    load_exported,
)
from fer_lib.evaluation.calibration import fit_temperature
from fer_lib.evaluation.inference import load_model
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.io import atomic_write
from fer_lib.profiles import get_profile
from fer_lib.runs.run import Run
from fer_lib.tta import FLIP

PROBABILITY_LIMIT = 1e-4  # how far a float file's probabilities may be from Keras's
ACCURACY_LIMIT = 0.005  # how much accuracy on PublicTest an int8 file may lose
SAMPLE = 512  # faces that int8's ranges are taken from
_CHECKED_SYNTHETIC = 140
_BATCH = 64
_LARGE = 1000  # weights of an array that is worth storing in half precision


class ExportError(ValueError):
    """An exported file is not what it must be; the message says by how much."""


def calibrated_model(run: Run) -> tuple[keras.Model, float]:
    """A run's network as it is exported, and its temperature.

    The temperature is that of the recorded PublicTest. Where the experiment averages over an image
    and its mirror image, the
    graph does: the logarithms of these averages stand in for logits, as in the record.

    Returns:
        A model from grey levels 0–255, float32 [n, 48, 48, 1], to probabilities, float32 [n, 7];
        and the temperature.

    Raises:
        RunError: the run keeps no weights.
    """
    network = load_model(run)
    temperature = fit_temperature(
        run.predictions["public_test_logits"], run.predictions["public_test_labels"]
    )
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name=INPUT)
    if run.experiment.tta == FLIP:
        mirrored = ops.take(pixels, np.arange(IMAGE_SIZE - 1, -1, -1), axis=2)
        both = ops.reshape(
            network(ops.concatenate([pixels, mirrored])), (2, -1, len(EMOTION_NAMES))
        )
        logits = ops.log(ops.mean(ops.softmax(both), axis=0))
    else:
        logits = network(pixels)
    model = keras.Model(pixels, ops.softmax(logits / temperature))
    model(
        np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
    )  # Keras exports what was called once
    return model, temperature


def export_onnx(run: Run, path: Path, int8: bool = False) -> list[str]:
    """Write a run as one ONNX file, and check it.

    Input `grey_pixels`: grey levels 0–255, float32 [n, 48, 48, 1], of any n. Output
    `probabilities`: float32 [n, 7], calibrated.
    The labels, the temperature and where the file comes from stand in its metadata. Weights that
    were recorded in half precision
    are stored in half precision and computed with in float32, which loses nothing.

    Args:
        int8: convolutions and dense layers in 8 bits, their ranges taken from 512 faces of
        Training, or from synthetic faces
            where FER2013 is not on this machine.

    Returns:
        What was done and checked, in sentences.

    Raises:
        ExportError: a probability of the float file is more than 1e-4 from Keras's, or the int8
        file's accuracy on PublicTest
            is more than half a point below Keras's. RunError: the run keeps no weights.
    """
    dataset = get_profile(run.config["profile"]).dataset()
    with atomic_write(path) as aside:
        model, said = _write(run, aside, int8, dataset)
        said += _check(aside, model, dataset, int8)
    return said


def export_unchecked(run: Run, path: Path, int8: bool = False) -> Path:
    """`export` without its check, for a benchmark that measures also what the check refuses."""
    _write(run, path, int8, get_profile(run.config["profile"]).dataset())
    return path


def _write(
    run: Run, path: Path, int8: bool, dataset: Dataset | None
) -> tuple[keras.Model, list[str]]:
    model, temperature = calibrated_model(run)
    _convert(model, path)
    said = []
    if int8:
        said.append(_quantise(path, dataset))
    else:
        _halve(path, model)
    _describe(path, run, temperature, int8)
    return model, said


def ensure_exported(run: Run) -> Path:
    """Return the exported float file of a run, and export it first where it is not there or not of
    this run."""
    path = export_path(run)
    if load_exported(run) is None:
        export_onnx(run, path)
    return path


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


def _halve(path: Path, model: keras.Model) -> None:
    """Store large arrays of weights in half precision wherever the network's own are.

    The conversion has multiplied each filter by the scale of its batch normalisation: a filter is
    stored as it was recorded,
    and its scale beside it. ONNX Runtime multiplies them once, when it loads the file.
    """
    kernels = [np.asarray(w) for w in model.get_weights() if w.ndim in (2, 4) and w.size >= _LARGE]
    kernels = [kernel for kernel in kernels if np.array_equal(kernel, kernel.astype(np.float16))]
    onnx_model = onnx.load(path)
    graph, casts = onnx_model.graph, []
    for stored in list(graph.initializer):
        if stored.data_type != onnx.TensorProto.FLOAT or np.prod(stored.dims) < _LARGE:
            continue
        for kernel in kernels:
            scaled = _as_scaled(onnx.numpy_helper.to_array(stored), kernel)
            if scaled is None:
                continue
            names = [f"{stored.name}/{part}" for part in ("half", "recorded", "scale")]
            graph.initializer.remove(stored)
            graph.initializer.append(onnx.numpy_helper.from_array(scaled[0], names[0]))
            graph.initializer.append(onnx.numpy_helper.from_array(scaled[1], names[2]))
            casts.append(
                onnx.helper.make_node("Cast", names[:1], names[1:2], to=onnx.TensorProto.FLOAT)
            )
            casts.append(onnx.helper.make_node("Mul", names[1:], [stored.name]))
            break
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(onnx_model, path)


def _as_scaled(array: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A kernel of Keras in the layout of an ONNX array, in half precision, and each filter's scale
    that makes it the array; or None."""
    layouts = (
        [((0, 1), 0)]
        if kernel.ndim == 2
        else [((3, 2, 0, 1), (1, 2, 3)), ((2, 3, 0, 1), (1, 2, 3))]
    )  # the last: depthwise
    for order, axes in layouts:
        candidate = kernel.transpose(order).astype(np.float64)
        if candidate.shape != array.shape:
            continue
        scale = (array * candidate).sum(axes, keepdims=True) / np.maximum(
            (candidate**2).sum(axes, keepdims=True), 1e-30
        )
        if np.abs(scale * candidate - array).max() <= 1e-6 * np.abs(array).max():
            return candidate.astype(np.float16), scale.astype(np.float32)
    return None


class _Faces(CalibrationDataReader):
    def __init__(self, images: np.ndarray):
        self._batches = iter(
            np.array_split(images[..., None].astype(np.float32), -(-len(images) // _BATCH))
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _quantise(path: Path, dataset: Dataset | None) -> str:
    """Turn a float file into int8 in place, and say which faces its ranges were taken from.

    Weights in 7 bits, a scale for each filter: on processors without 8-bit dot products sums of
    8-bit products overflow.
    """
    if dataset is None:
        faces, source = (
            synthetic_faces(np.arange(SAMPLE) % len(EMOTION_NAMES), seed=0),
            "synthetic faces: FER2013 is not on this machine",
        )
    else:
        images = dataset.training.images
        faces = images[np.random.default_rng(0).permutation(len(images))[:SAMPLE]]
        source = "faces of Training"
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared, path, _Faces(faces), op_types_to_quantize=["Conv", "MatMul", "Gemm"], per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
    return f"int8 ranges from {len(faces)} {source}"


def _describe(path: Path, run: Run, temperature: float, int8: bool) -> None:
    model = onnx.load(path)
    about = {
        "labels": ",".join(EMOTION_NAMES),
        "temperature": repr(temperature),
        "version": importlib.metadata.version("fer_lib"),
        "experiment": run.config["experiment"],
        "seed": str(run.config["seed"]),
        "precision": "int8" if int8 else "float32",
        "input": "grey levels 0-255, float32 [n, 48, 48, 1]",
        "output": "calibrated probabilities, float32 [n, 7], in the order of the labels",
        "made_from": export_fingerprint(run),
    }
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _check(path: Path, model: keras.Model, dataset: Dataset | None, int8: bool) -> list[str]:
    split = dataset and dataset.public_test
    faces = (
        split.images
        if split
        else synthetic_faces(np.arange(_CHECKED_SYNTHETIC) % len(EMOTION_NAMES), seed=1)
    )
    where = (
        f"{len(faces):,} faces of PublicTest"
        if split
        else f"{len(faces)} synthetic faces (FER2013 is not on this machine)"
    )
    keras_says = model.predict(faces[..., None].astype(np.float32), batch_size=_BATCH, verbose=0)
    file = Classifier(path)
    file_says = np.concatenate(
        [file.probabilities(part) for part in np.array_split(faces, -(-len(faces) // _BATCH))]
    )
    distance = float(np.abs(file_says - keras_says).max())
    agreement = f"largest difference of a probability from Keras {distance:.1e}, on {where}"
    if not int8:
        if not distance <= PROBABILITY_LIMIT:
            raise ExportError(f"{agreement}; at most {PROBABILITY_LIMIT:.0e} is allowed")
        return [agreement]
    if not split:
        return [
            agreement,
            "whether int8 costs accuracy could not be checked: FER2013 is not on this machine",
        ]
    before, after = (
        classification_metrics(np.log(np.maximum(p, 1e-30)), split.labels)["accuracy"]
        for p in (keras_says, file_says)
    )
    change = f"accuracy on PublicTest {after:.2%}, in Keras {before:.2%}"
    if before - after > ACCURACY_LIMIT:
        raise ExportError(f"{change}; int8 may cost at most half a point")
    return [agreement, change]
