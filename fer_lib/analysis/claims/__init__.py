"""The claims of the source report: the rules that decide them, and their verdicts.

`table` has the claims, each with its rule; `rules` those rules that were written before all results
were known, `post_hoc_rules` the rest, and `confusions` how they rank pairs of emotions.
`evaluation` decides the claims on recorded runs.
"""

from fer_lib.analysis.claims.evaluation import evaluate_claims, first_disgust_verdict, unanimous
from fer_lib.analysis.claims.table import CLAIMS

__all__ = ["CLAIMS", "evaluate_claims", "first_disgust_verdict", "unanimous"]
