"""Predictions of models, and what is measured on them.

`inference` predicts with the model of a run, `tta_predictions` with test-time augmentation, and
`ensembles` average several runs. `metrics`, `calibration` and `conformal` measure predictions.
`bootstrap` resamples images, and `seed_variance` adds the variance across seeds. `verify`
recomputes what is recorded.
"""
