"""One experiment: a frozen training configuration."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from fer_lib.tta import NO_TTA, views

RUN_KEY = re.compile(r"(\w+)/seed-(\d+)", re.ASCII)  # a path: plain names only


@dataclass(frozen=True)
class Experiment:
    """A frozen training configuration. A run is one experiment trained with one seed.

    Attributes:
        title: the name in tables and figures.
        model: a key of `models.registry.MODELS`; `model_options` are the arguments of its builder.
        augmentation: a key of `training.augmentation.AUGMENTATIONS`.
        focal_gamma, focal_alpha: of the focal loss (Lin et al. 2017); alpha is one number, or one
            for each class. With gamma 0 and alpha 1 it is cross-entropy.
        label_smoothing: share of the target spread over all classes (Szegedy et al. 2016).
        mixup_alpha: each image and its target are mixed with another of the batch, with a weight
            drawn from Beta(alpha, alpha) (Zhang et al. 2018); 0 turns mixup off.
        class_balancing_power: p of class-balanced sampling: an epoch draws images with replacement,
            those of a class of n images with probability proportional to n ** -p. 0 samples each
            image once; 1 samples all classes equally often.
        optimizer: `adam` (Kingma & Ba 2015), or `sgd` with Nesterov momentum 0.9.
        learning_rate: constant, or the peak where there is a warm-up.
        warmup_epochs: epochs of linear warm-up from 0, followed by a cosine decay to 0 over the
            rest of `epochs` (Loshchilov & Hutter 2017); None keeps the learning rate constant.
        weight_decay: decoupled (Loshchilov & Hutter 2019), on kernels only.
        batch_size: images per step.
        epochs: the largest number of passes over Training.
        swa_epochs: stochastic weight averaging (Izmailov et al. 2018) of the weights after each of
            the last so many epochs, with batch-norm statistics re-estimated; 0 keeps the weights
            of the best epoch.
        patience: early stopping after so many epochs without a lower loss on PublicTest.
        dtype_policy: a Keras dtype policy.
        train_fraction: stratified fraction of Training that is used, drawn with the seed.
        init_from: where the initial weights come from: the key (`<experiment>/seed-<n>`) of a run,
            or the name of an experiment for its run of the same seed; empty for random weights.
        teachers: keys of the runs to distill from (Hinton et al. 2015, temperature 1).
        distillation_weight: weight of the teachers' mean probabilities in the target; the label has
            the rest.
        teacher_tta: TTA scheme of the teachers' soft targets (`tta.SCHEMES`), computed once on the
            images of Training without augmentation.
        consistent_distillation: the teachers predict on the very augmented image that the student
            sees, at every step (Beyer et al. 2022), in place of fixed soft targets.
        ferplus_weight: weight of the multi-task loss: the cross-entropy of a second head against
            the FER+ votes of Training images; 0 trains without it.
        tta: TTA scheme of the run's predictions (`tta.SCHEMES`).
        evaluate_private_test: whether its runs are evaluated on PrivateTest. The protocol: fit on
            Training, select on PublicTest, report PrivateTest, which is evaluated once for each
            headline experiment; the list of them is committed first.

    Raises:
        ValueError: a setting is out of range, or two settings contradict each other.
    """

    title: str
    model: str
    model_options: Mapping = field(default_factory=dict)
    augmentation: str = "flip_rotate_zoom"
    focal_gamma: float = 2.0
    focal_alpha: float | tuple[float, ...] = 0.25
    label_smoothing: float = 0.0
    mixup_alpha: float = 0.0
    class_balancing_power: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    warmup_epochs: int | None = None
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 120
    swa_epochs: int = 0
    patience: int = 15
    dtype_policy: str = "float32"
    train_fraction: float = 1.0
    init_from: str = ""
    teachers: tuple[str, ...] = ()
    distillation_weight: float = 0.0
    teacher_tta: str = NO_TTA
    consistent_distillation: bool = False
    ferplus_weight: float = 0.0
    tta: str = NO_TTA
    evaluate_private_test: bool = False

    def __post_init__(self):
        self._require("train_fraction", 0 < self.train_fraction <= 1, "above 0 and at most 1")
        self._require("swa_epochs", self.swa_epochs <= self.epochs, f"at most {self.epochs} epochs")
        self._require(
            "patience",
            not self.swa_epochs or self.patience >= self.epochs,
            f"at least {self.epochs} epochs with SWA, which averages the last ones",
        )
        self._require(
            "distillation_weight",
            0 < self.distillation_weight <= 1 if self.teachers else not self.distillation_weight,
            "above 0 and at most 1 with teachers, 0 without",
        )
        self._require(
            "consistent_distillation",
            bool(self.teachers) or not self.consistent_distillation,
            "False without teachers",
        )
        self._require("ferplus_weight", self.ferplus_weight >= 0, "0 or more")
        views(self.tta), views(self.teacher_tta)
        for key in self.dependencies(0):
            if not RUN_KEY.fullmatch(key):
                raise ValueError(f"{self.title}: {key!r} is no run, expected <experiment>/seed-<n>")

    def _require(self, setting: str, valid: bool, expected: str) -> None:
        if not valid:
            value = getattr(self, setting)
            raise ValueError(f"{self.title}: {setting} is {value}, expected {expected}")

    @property
    def forward_passes(self) -> int:
        """Forward passes per prediction: the number of views of the TTA scheme."""
        return len(views(self.tta))

    def init_run_key(self, seed: int) -> str:
        """The key of the run that this seed's initial weights come from; empty without one."""
        is_name = re.fullmatch(r"\w+", self.init_from)
        return f"{self.init_from}/seed-{seed}" if is_name else self.init_from

    def dependencies(self, seed: int) -> tuple[str, ...]:
        """The keys of the runs whose weights this seed needs: initial weights and teachers."""
        return tuple(filter(None, (self.init_run_key(seed), *self.teachers)))

    def to_dict(self) -> dict:
        """The configuration in JSON's types: tuples become lists."""
        return _to_json(asdict(self))

    @classmethod
    def from_dict(cls, configuration: dict) -> "Experiment":
        """Read a configuration that `to_dict` wrote; settings added since have their defaults.

        Raises:
            ValueError: it has an unknown setting, or a value out of range.
        """
        try:
            return cls(**configuration)
        except TypeError as error:
            raise ValueError(f"not an experiment's configuration: {error}") from error


def _to_json(value):
    if isinstance(value, Mapping):
        return {key: _to_json(inner) for key, inner in value.items()}
    return [_to_json(inner) for inner in value] if isinstance(value, list | tuple) else value
