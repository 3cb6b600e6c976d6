"""Runs on disk: one experiment trained with one seed.

`run` reads the configuration, history and metrics of a run, `predictions` its predictions, aligned
by image. `store` finds, writes and records runs; `manifest` has their checksums, `environment` the
versions and hardware, and `ledger` every evaluation on PrivateTest.
"""
