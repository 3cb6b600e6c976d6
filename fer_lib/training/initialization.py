"""The weights that a run starts from, and their record."""

import hashlib
from collections.abc import Mapping

import keras
import numpy as np

from fer_lib.evaluation.inference import load_model
from fer_lib.io import sha256_of
from fer_lib.models.registry import pretrained_base
from fer_lib.runs.run import Run, RunError
from fer_lib.training.run_spec import RunSpec


def provenance(spec: RunSpec, network: keras.Model, dependencies: Mapping[str, Run]) -> dict:
    """Return the SHA-256 of all weights that a run starts from or learns from, for its record.

    Args:
        spec: what is trained.
        network: with its initial weights.
        dependencies: the runs whose weights the experiment needs, by key.

    Returns:
        With dependencies, `dependency_weights_sha256` by key. After pretraining on other faces,
        what they were as `pretraining`. Always `initial_weights_sha256`, and
        `pretrained_weights_sha256` of a pretrained base, or None without one.
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
    return record | {
        "initial_weights_sha256": weights_sha256(network),
        "pretrained_weights_sha256": weights_sha256(base) if base else None,
    }


def weights_sha256(model: keras.Model) -> str:
    """Return the SHA-256 over the values of a model's weights, float32, variable by variable."""
    values = (np.asarray(w, np.float32).tobytes() for w in model.get_weights())
    return hashlib.sha256(b"".join(values)).hexdigest()


def load_compatible_weights(model: keras.Model, source: Run) -> None:
    """Load the weights of a run into a model, layer by layer.

    The last layer keeps its own weights where the run was trained on other classes.

    Raises:
        RunError: the run's model has other layers, or the run keeps no weights.
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
