"""`train` and `pretrain`."""

import contextlib
import os
import sys
from argparse import Namespace

from fer_lib.cli.records import print_metrics


def train(options: Namespace) -> None:
    """Train an experiment, and print its metrics and folder."""
    _use_batch_scheduling()
    from fer_lib.profiles import get_profile
    from fer_lib.training.dispatch import run_experiment

    if options.profile == "quick":
        print("quick profile: synthetic faces, a few epochs")
    profile = get_profile(options.profile)
    run = run_experiment(options.experiment, options.seed, profile, _verbose())
    print_metrics(run.metrics)
    print(run.folder)


def pretrain_faces(options: Namespace) -> None:
    """Pretrain on a folder of faces or on synthetic ones, and print the held-out accuracy."""
    _use_batch_scheduling()
    from fer_lib.profiles import get_profile
    from fer_lib.training.pretraining import (
        pretrain,
        read_image_folder,
        synthetic_pretraining_faces,
    )

    faces = read_image_folder(options.folder) if options.folder else synthetic_pretraining_faces()
    kind = "images" if options.folder else "synthetic faces"
    print(f"{len(faces.split):,} {kind} of {', '.join(faces.classes)}")
    run = pretrain(faces, options.seed, get_profile("full"), _verbose())
    held_out = run.metrics["held_out"]
    print(f"  accuracy {held_out['accuracy']:.2%} on {held_out['n']:,} held-out images")
    print(run.folder)


def _use_batch_scheduling() -> None:
    """On Linux, take the scheduling policy of batch processes.

    Two cores trained 490 to 570 images per second with it, and 310 to 630 with the default policy,
    whose wake-ups put both threads of TensorFlow on one core for minutes. Threads inherit the
    policy, so it is set before TensorFlow is imported.
    """
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # a sandbox may refuse it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _verbose() -> int:
    """Keras's setting: a progress bar on a terminal, one line per epoch in a log."""
    return 1 if sys.stdout.isatty() else 2
