"""The models by name, and the contract that each of them meets.

To add a model, write its builder, add it to `MODELS`, and name it in an experiment
(`experiments/table.py`). Nothing else has to change. A builder takes the experiment's
`model_options` and `num_classes`, and returns a functional or sequential `keras.Model`:

- Input: raw pixels [batch, 48, 48, 1], gray levels 0–255 of any real dtype. Rescaling and color
  channels are part of the model, random augmentation is not.
- Output: logits float32 [batch, num_classes], in label order.
- The last layer is the `Dense` layer of the logits (`split_head`), in float32 under any dtype
  policy.
- One `GlobalAveragePooling2D` pools the last feature maps (`pooling_layer`). Layers before it take
  maps of any size where an experiment trains on crops.
- A pretrained base is nested as one `keras.Model` (`pretrained_base`), and the option `weights`
  names its weights, with None for random ones.
- Layers have fixed names, by which weights files and pretraining find them.
"""

import keras

from fer_lib.data.labels import EMOTIONS
from fer_lib.experiments import Experiment
from fer_lib.models.custom_cnn import custom_cnn
from fer_lib.models.mobilenetv2 import mobilenetv2

MODELS = {"custom_cnn": custom_cnn, "mobilenetv2": mobilenetv2}


def build_model(
    experiment: Experiment,
    dtype_policy: str | None = None,
    pretrained: bool = True,
    num_classes: int = len(EMOTIONS),
) -> keras.Model:
    """Build an experiment's untrained model.

    Args:
        experiment: The configuration of the model.
        dtype_policy: A Keras dtype policy that replaces the experiment's own.
        pretrained: Whether to load pretrained weights. False suits a model whose weights are read
            from a file afterwards.
        num_classes: The number of logits.

    Returns:
        A model that meets the contract of this module.

    Example:
        >>> from fer_lib.experiments import EXPERIMENTS
        >>> build_model(EXPERIMENTS["custom_cnn"]).output_shape
        (None, 7)
    """
    options = dict(experiment.model_options)
    if "weights" in options and not pretrained:
        options["weights"] = None
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype_policy or experiment.dtype_policy)
    try:
        return MODELS[experiment.model](**options, num_classes=num_classes)
    finally:
        keras.config.set_dtype_policy(before)


def pooling_layer(model: keras.Model) -> keras.layers.Layer:
    """Return the global average pooling layer, whose input are the feature maps of Grad-CAM."""
    layer_type = keras.layers.GlobalAveragePooling2D
    return next(layer for layer in reversed(model.layers) if isinstance(layer, layer_type))


def split_head(model: keras.Model) -> tuple[keras.Model, keras.layers.Dense]:
    """Return a model's feature extractor and its last layer, both with the model's own weights.

    The feature extractor takes float32 images of any size [batch, h, w, 1], as training on crops
    needs, and returns features [batch, n]; the last layer turns them into logits.
    """
    *_, head = model.layers
    pixels = keras.Input((None, None, 1), name="gray_pixels")
    features = keras.models.clone_model(
        keras.Model(model.inputs[0], head.input),
        input_tensors=pixels,
        clone_function=lambda layer: layer,  # the layer itself, so that weights are shared
    )
    return features, head


def pretrained_base(model: keras.Model) -> keras.Model | None:
    """Return the pretrained model that is nested in a model, or None."""
    return next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
