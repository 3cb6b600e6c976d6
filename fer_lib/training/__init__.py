"""From an experiment to a finished run; a stopped training resumes with the same digits.

`dispatch` trains by name, with the runs that an experiment depends on. `run_spec` says what a run
trains, and locks its folder. `trainer` builds, compiles and fits the `training_model`, which adds
`augmentation` and `losses` to a network, with the `batches` of an epoch and its `optimizers`;
`checkpoint` saves what a resumed training needs. `distillation`, `multitask`, `swa`, `pretraining`
and `initialization` are parts of recipes. `baselines` use no network.
"""
