"""Label noise: FER2013's labels and models' predictions compared with the FER+ votes.

`agreement` compares labels and predictions with the votes, `differences` compares runs on the
images with a majority vote, and `ceilings` compares them with predictions from the votes alone.
The votes are not redistributed: `record` writes what is computed from them, and reads it.
"""

from fer_lib.analysis.label_noise.record import (
    accuracy_against_votes,
    accuracy_by_agreement,
    follow_up_differences,
    label_noise,
    recorded_ceilings,
    recorded_differences_from_regression,
    recorded_leads,
)

__all__ = [
    "accuracy_against_votes",
    "accuracy_by_agreement",
    "follow_up_differences",
    "label_noise",
    "recorded_ceilings",
    "recorded_differences_from_regression",
    "recorded_leads",
]
