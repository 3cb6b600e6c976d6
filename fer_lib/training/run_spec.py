"""What a run trains: an experiment with a seed."""

from dataclasses import dataclass

from fer_lib.experiments import Experiment


@dataclass(frozen=True)
class RunSpec:
    """What a run trains.

    Attributes:
        name: of the experiment, for the record.
        experiment: the configuration.
        seed: of every random draw.
        profile: `full` or `quick`, for the record.
    """

    name: str
    experiment: Experiment
    seed: int = 0
    profile: str = "full"

    def to_dict(self) -> dict:
        """The beginning of the run's `config.json`."""
        return {
            "experiment": self.name,
            "seed": self.seed,
            "profile": self.profile,
            "configuration": self.experiment.to_dict(),
        }
