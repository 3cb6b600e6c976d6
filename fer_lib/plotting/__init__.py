"""Figures by subject. Each function returns a Matplotlib figure; `style.use` sets the style once.

`training` has the figures of one model, `comparison` those of several, `ablations` those of the
ablation study and of model size, `data` those of the data set, `trust` those on label noise,
calibration, robustness and explanation, `deployment` those of latency.
"""
