"""Initial weights of a run, and their provenance."""

import hashlib
from collections.abc import Mapping

import keras
import numpy as np

from fer_lib.evaluation.inference import load_model
from fer_lib.io import sha256_of
from fer_lib.models.registry import pretrained_base
from fer_lib.runs.run import Run, RunError
from fer_lib.training.run_spec import RunSpec

IMAGENET_SHA256 = "b76ae2b173b7743d52f88177187d841b647ccdd305439d9ae51e0f2a7a61e3e8"  # as recorded


def provenance(spec: RunSpec, network: keras.Model, dependencies: Mapping[str, Run]) -> dict:
    """Return the SHA-256 of all weights that a run starts from or learns from.

    A note is printed if the weights of a pretrained base are not those of the recorded runs.

    Args:
        spec: The experiment and the seed.
        network: The network with its initial weights.
        dependencies: The runs whose weights the experiment needs, by key.

    Returns:
        A dictionary with `initial_weights_sha256` and `pretrained_weights_sha256` (of a pretrained
        base, else None); with dependencies also `dependency_weights_sha256` by key; after
        pretraining on other faces also `pretraining`, a description of those faces.
    """
    experiment, record = spec.experiment, {}
    if keys := experiment.dependencies(spec.seed):
        record["dependency_weights_sha256"] = {
            key: sha256_of(dependencies[key].weights) for key in keys
        }
    init_key = experiment.init_run_key(spec.seed)
    if init_key and (faces := dependencies[init_key].config.get("faces")):
        record["pretraining"] = faces
    base = pretrained_base(network) if experiment.model_options.get("weights") else None
    base_sha256 = weights_sha256(base) if base else None
    if base and base_sha256 != IMAGENET_SHA256:
        print("note: the ImageNet weights are not those of the recorded runs", flush=True)
    return record | {
        "initial_weights_sha256": weights_sha256(network),
        "pretrained_weights_sha256": base_sha256,
    }


def weights_sha256(model: keras.Model) -> str:
    """Return the SHA-256 of a model's weights as float32, in the order of its variables."""
    values = (np.asarray(w, np.float32).tobytes() for w in model.get_weights())
    return hashlib.sha256(b"".join(values)).hexdigest()


def load_compatible_weights(model: keras.Model, source: Run) -> None:
    """Load the weights of a run into a model, layer by layer.

    If the run was trained on other classes, the last layer keeps its own weights.

    Args:
        model: The model whose weights are set.
        source: The run whose weights are read.

    Raises:
        RunError: If the run's model has other layers, or the run has no weights.
    """
    source_layers = {layer.name: layer for layer in load_model(source).layers}
    layers = {layer.name: layer for layer in model.layers}
    if differing := layers.keys() ^ source_layers.keys():
        raise RunError(
            f"{source.folder}: its model does not fit: only one of the two has "
            f"{', '.join(sorted(differing))}"
        )
    if "classes" in source.config:
        del layers[model.layers[-1].name]
    for name, layer in layers.items():
        weights = source_layers[name].get_weights()
        shapes, expected = ([w.shape for w in values] for values in (weights, layer.get_weights()))
        if shapes != expected:
            raise RunError(
                f"{source.folder}: its model does not fit: {name} has weights of {shapes}, "
                f"expected {expected}"
            )
        layer.set_weights(weights)
