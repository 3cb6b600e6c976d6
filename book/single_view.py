"""An exported model without test-time augmentation, for the camera of the playground.

A model with horizontal-flip TTA predicts each image twice. From one frame of a camera to the next
this takes too long: the playground mirrors every other frame instead.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx.numpy_helper import from_array, to_array

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy.inference import INPUT


def write_single_view(model: Path, target: Path) -> None:
    """Write an exported model that predicts only the image itself.

    The views of an exported model are concatenated to one batch, the first being the image, and the
    logits are reshaped to [views, n, 7]. A model without TTA is written unchanged.

    Raises:
        ValueError: the graph has another form.
    """
    graph = (loaded := onnx.load(model)).graph
    views = [node for node in graph.node if node.op_type == "Concat" and node.input[0] == INPUT]
    if views:
        (batch,) = views
        by_view = [
            stored
            for stored in graph.initializer
            if to_array(stored).tolist() == [len(batch.input), -1, len(EMOTION_NAMES)]
        ]
        if len(by_view) != 1:
            raise ValueError(f"{model}: {len(by_view)} shapes of logits by view; expected 1")
        shape = np.array([1, -1, len(EMOTION_NAMES)])
        by_view[0].CopyFrom(from_array(shape, by_view[0].name))
        for node in graph.node:
            node.input[:] = [INPUT if name == batch.output[0] else name for name in node.input]
        graph.node.remove(batch)
    metadata = {entry.key: entry.value for entry in loaded.metadata_props} | {"tta": "none"}
    onnx.helper.set_model_props(loaded, metadata)
    onnx.checker.check_model(loaded)
    onnx.save(loaded, target)
