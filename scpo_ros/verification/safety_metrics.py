"""
The safety metrics of the control task: g(theta) <= 0, evaluated by rollouts, never differentiated.

Over H steps of the closed loop from every scenario, in units of the input unless said:

* constraint: max over t of the excess of u_t over [LO(x_t), UP(x_t)]; <= 0 keeps x_{t+1} in the
  safe set C, inside the state limits, whatever the disturbance does. The backup keeps lambda C and
  so starts at most at -(1 - lambda) / max_j |H_j B|.
* stability: |x_H|_P - rho |x_0|_P - offset, in units of the p axis (divided by sqrt(P_11)):
  return to and stay near the origin, an ultimate bound. Positive where the rollout leaves C.
* no-regret: J(theta) / (J_backup + c) - (1 + eps), J the mean stage cost of the backup, never the
  teacher's, once over the scenarios of ordinary operation and once over those of stress: a policy
  can be cheap under a constant disturbance and expensive without. Being a mean, it differs between
  two samples of scenarios; for that the verification allows 0.01.

The design metrics are smooth upper bounds; the verification metrics are the plain maxima over
larger sets. Both are sampled: evidence, not proof. Beside them stands the invariance metric, the
same excess one step ahead over the whole of C: proved (:mod:`scpo_ros.proofs.invariance`) or
sampled densely (:mod:`.sampled_invariance`).
"""

from dataclasses import dataclass

import numpy as np

REGRETS = 2  # no-regret means: ordinary operation, stress
SAMPLING_ALLOWANCE = 0.01  # of the no-regret metric on the verification set
_LEFT = 1e-3  # least stability metric of a rollout that left the safe set
_COST_FLOOR = 1e-6  # c of the no-regret metric


@dataclass(frozen=True)
class RolloutMetric:
    """
    Constraint and stability metric of every scenario, no-regret metric of them all.

    Where invariance or contraction is proved, that of the two which it implies is left out.
    """

    simulator: object
    weight: np.ndarray  # (n, n): P of V(x) = x'Px
    ratio: float  # rho
    offset: float
    tolerance: float  # eps; infinity switches the no-regret metric off
    constraint: bool = True  # whether the constraint metric is among them
    stability: bool = True  # whether the stability metric is

    @property
    def per_scenario(self):
        """Return the number of metrics of one scenario."""
        return int(self.constraint) + int(self.stability)

    def norm(self, x):
        """Return |x|_P in units of the p axis."""
        return np.sqrt(np.einsum('...i,ij,...j->...', x, self.weight, x) / self.weight[0, 0])

    def __call__(self, thetas, scenarios, backup_cost, soft):
        """
        Return the metrics: no-regret, then by scenario constraint and stability.

        The shape is (P, REGRETS + per_scenario S).

        :param backup_cost: (S,), the backup's mean stage cost from each scenario.
        :param soft: whether the maximum over time is the smooth one.
        """
        summary = self.simulator.summarise(thetas, scenarios, excess=self.constraint)
        regret = self.regret(summary.cost, backup_cost, scenarios)
        kinds = []
        if self.constraint:
            kinds.append(summary.soft_excess if soft else summary.excess)
        if self.stability:
            kinds.append(self._returned(summary, scenarios))
        if not kinds:
            return regret
        return np.hstack([regret, np.stack(kinds, axis=2).reshape(len(thetas), -1)])

    def _returned(self, summary, scenarios):
        stability = (self.norm(summary.final) - self.ratio * self.norm(scenarios.x0)
                     - self.offset)
        return np.where(summary.left, np.maximum(stability, _LEFT), stability)

    def regret(self, cost, backup_cost, scenarios):
        """
        Return the no-regret metric (P, REGRETS); -1 where switched off or without scenarios.

        :param cost: mean stage costs (P, S). :param backup_cost: (S,).
        """
        result = []
        for members in (scenarios.nominal, ~scenarios.nominal):
            mean = cost[:, members].sum(axis=1)
            if self.tolerance == np.inf or not np.any(members):
                result.append(np.where(np.isfinite(mean), -1.0, np.nan))
            else:
                least = backup_cost[members].sum() + _COST_FLOOR * members.sum()
                result.append(mean / least - 1 - self.tolerance)
        return np.column_stack(result)
