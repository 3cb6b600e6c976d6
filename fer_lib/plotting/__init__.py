"""Figures by subject. Each function returns a Matplotlib figure; `style.use` sets the style once.

`architecture` and `training` have the figures of one model, `comparison` those of several and of
exported ones, `ablations` those of the ablation study and of model size, `data` those of the data
set, the loss and the augmentation. `label_noise`, `calibration`, `robustness` and `grad_cam` draw
the analyses of the same names.
"""
