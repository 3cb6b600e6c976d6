"""The focal loss, which is cross-entropy where gamma is 0 and alpha is 1."""

from collections.abc import Sequence

import keras


def focal_loss(
    gamma: float = 2.0, alpha: float | Sequence[float] = 0.25, label_smoothing: float = 0.0
) -> keras.losses.Loss:
    """Focal loss (Lin et al. 2017) between targets and logits.

    FL(p, t) = −Σ_c α_c · t_c · (1 − p_c)^γ · log p_c with p = softmax(logits): the larger gamma,
    the less an image counts that is classified well already. Label smoothing (Szegedy et al. 2016)
    replaces t by (1 − ε) · t + ε / classes.

    Args:
        gamma: the exponent γ; 0 gives weighted cross-entropy.
        alpha: the weight α, one number or one for each class.
        label_smoothing: ε, the share of the target spread over all classes.

    Returns:
        A Keras loss of targets float32 [batch, classes], one-hot labels or soft targets, and logits
        float32 [batch, classes], averaged over the batch.

    Example:
        >>> loss = focal_loss(gamma=2.0, alpha=0.25)
        >>> round(float(loss([[1.0, 0.0]], [[0.0, 0.0]])), 4)  # p = 1/2: 0.25 · (1/2)² · log 2
        0.0433
    """
    return keras.losses.CategoricalFocalCrossentropy(
        alpha=alpha,
        gamma=gamma,
        from_logits=True,
        label_smoothing=label_smoothing,
        name="focal_loss",
    )
