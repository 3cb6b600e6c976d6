"""What the report shows across recorded runs, as numeric tables and dataclasses.

Accuracy: `headline` has means over seeds and their differences, `verdict` decides these, and
`comparison` has single runs. `ablations`, `ensembles`, `flip_tta`, `logit_adjustment`,
`one_vs_rest` and `convergence` look at one question each, and `claims` at the statements of the
source report.

Data: `leakage` finds duplicates, `duplicates` counts the recorded ones, and `label_noise` compares
labels with the FER+ votes.

Trust: `calibration`, `conformal`, `robustness` (under `corruptions`), `non_faces`, and `grad_cam`,
also of the `example_faces`.

Cost: `architectures`, `model_size`, `compute` of training, and `benchmarks` of latency and speed.

Records: `records` reads and writes the files in `results/analysis/`, `recomputation` says how each
is computed, and `verification` compares them with that.
"""
