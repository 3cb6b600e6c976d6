"""Store the weights of an ONNX file in half precision, without loss."""

from pathlib import Path

import numpy as np
import onnx

_LARGE = 1000  # weights of an array that is worth storing in half precision


def store_half_precision(path: Path, weights: list[np.ndarray]) -> None:
    """Rewrite an ONNX file with its large arrays in half precision, where this loses nothing.

    The conversion to ONNX multiplies each filter by the scale of its batch normalization. Here, the
    recorded filter and the scale are stored separately, and ONNX Runtime multiplies them once, when
    it loads the file.

    Args:
        weights: float32 arrays of the Keras model from which the file was converted.
    """
    kernels = [w for w in weights if w.ndim in (2, 4) and w.size >= _LARGE]
    kernels = [kernel for kernel in kernels if np.array_equal(kernel, kernel.astype(np.float16))]
    onnx_model = onnx.load(path)
    graph, casts = onnx_model.graph, []
    is_float = onnx.TensorProto.FLOAT
    for stored in [array for array in graph.initializer if array.data_type == is_float]:
        array = onnx.numpy_helper.to_array(stored)
        fitting = (_factors(array, kernel) for kernel in kernels if array.size >= _LARGE)
        if factors := next(filter(None, fitting), None):
            half, recorded, scale = (f"{stored.name}/{x}" for x in ("half", "recorded", "scale"))
            graph.initializer.remove(stored)
            arrays = zip(factors, (half, scale), strict=True)
            graph.initializer.extend(onnx.numpy_helper.from_array(*pair) for pair in arrays)
            casts += [
                onnx.helper.make_node("Cast", [half], [recorded], to=onnx.TensorProto.FLOAT),
                onnx.helper.make_node("Mul", [recorded, scale], [stored.name]),
            ]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(onnx_model, path)


def _factors(array: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Factor an ONNX array into a Keras kernel, float16, and a scale per filter, float32.

    The kernel has the layout of the array, and its product with the scales is the array. None if
    there are no such scales.
    """
    layouts = (
        [((0, 1), 0)]
        if kernel.ndim == 2
        else [((3, 2, 0, 1), (1, 2, 3)), ((2, 3, 0, 1), (1, 2, 3))]  # the last: depthwise
    )
    for order, axes in layouts:
        candidate = kernel.transpose(order).astype(np.float64)
        if candidate.shape != array.shape:
            continue
        squares = np.maximum((candidate**2).sum(axes, keepdims=True), 1e-30)
        scale = (array * candidate).sum(axes, keepdims=True) / squares
        if np.abs(scale * candidate - array).max() <= 1e-6 * np.abs(array).max():
            return candidate.astype(np.float16), scale.astype(np.float32)
    return None
