"""Focal loss, which equals cross-entropy for gamma 0 and alpha 1."""

from collections.abc import Sequence

import keras


def focal_loss(
    gamma: float = 2.0, alpha: float | Sequence[float] = 0.25, label_smoothing: float = 0.0
) -> keras.losses.Loss:
    """Focal loss (Lin et al. 2017) between targets and logits.

    `FL = −Σ_c α_c · t_c · (1 − p_c)^γ · log p_c`, `p = softmax(logits)`

    Label smoothing (Szegedy et al. 2016) replaces the target `t` by
    `(1 − ε) · t + ε / classes`.

    Args:
        gamma: The exponent γ. The larger it is, the less a well-classified
            image counts; 0 gives weighted cross-entropy.
        alpha: The weight α, one number or one for each class.
        label_smoothing: ε, the share of the target spread over all classes.

    Returns:
        A Keras loss of targets (one-hot labels or soft targets) and logits,
        both float32 [batch, classes], averaged over the batch.

    Example:
        >>> loss = focal_loss(gamma=2.0, alpha=0.25)
        >>> # p = 1/2: 0.25 · (1/2)² · log 2
        >>> round(float(loss([[1.0, 0.0]], [[0.0, 0.0]])), 4)
        0.0433
    """
    return keras.losses.CategoricalFocalCrossentropy(
        alpha=alpha,
        gamma=gamma,
        from_logits=True,
        label_smoothing=label_smoothing,
        name="focal_loss",
    )
