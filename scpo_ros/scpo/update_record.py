"""What is noted while an update runs, for its result."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.scpo.central_path import Merit
from scpo_ros.scpo.outcome import UpdateResult


@dataclass
class UpdateRecord:
    """Filled on the way; what was not reached stays as it is here."""

    g: np.ndarray = ()
    tries: int = 0
    rollouts: int = 0
    merit: Merit = None
    candidate: np.ndarray = None
    counterexamples: frozenset = frozenset()

    def result(self, outcome, reason, theta, certificate=None, step_norm=0.0):
        """
        Return the :class:`UpdateResult`.

        :param theta: the present policy (d,). :param certificate: of theta, or None.
        """
        before, after = (np.nan, np.nan) if self.merit is None else (
            self.merit.before, self.merit.after)
        return UpdateResult(
            outcome=outcome, reason=reason, theta=theta, certificate=certificate,
            step_norm=step_norm, tries=self.tries, rollouts=self.rollouts, loss_before=before,
            loss_after=after, g=self.g, counterexamples=sorted(self.counterexamples),
            candidate=self.candidate)
