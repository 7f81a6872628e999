"""
A counterexample: from where, under which disturbances, which limit is violated when, and by what.

The policy acts alone, without the safety filter. Where the backup is undefined the LQR takes its
place, so that the rollout shows what the weights would really do outside the safe set.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.verification.task import ControlTask


_NAMES = ('|p|', '|v|')


@dataclass(frozen=True, eq=False)
class Counterexample:
    """One rollout that breaks a rule."""

    scenario: str  # which one, in words
    quantity: str  # what violates its limit
    value: float
    limit: float
    time: float  # [s] since the start of the rollout
    x0: Array  # (n,)
    w: Array  # (H, n)
    states: Array  # (T, n)

    def __post_init__(self) -> None:
        """Freeze."""
        for name in ('x0', 'w', 'states'):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def sentence(self) -> str:
        """Return it in words."""
        start = ', '.join(f'{entry:.3f}' for entry in self.x0)
        sign = '<' if self.value < self.limit else '>'
        return (f'{self.quantity} = {self.value:.4g} {sign} {self.limit:.4g} at '
                f't = {self.time:.1f} s from x0 = ({start}) ({self.scenario})')


def unfiltered(task: ControlTask, theta: Array, x0: Array, w: Array) -> tuple[Array, Array]:
    """Return states (T + 1, n) and inputs (T,) of the policy alone; they end where not finite."""
    x, states, inputs = np.array(x0, dtype=np.float64), [np.array(x0, dtype=np.float64)], []
    residual = task.policy.network.prepare(np.asarray(theta)[None])
    for disturbance in w:
        backup = task.policy.backup(x[None])[0, 0]
        base = backup if np.isfinite(backup) else -(task.gain @ x)[0]
        u = float(task.system.saturate(base + residual(x[None])[0])[0])
        x = task.system.step(x, np.array([u]), disturbance)
        if not np.all(np.isfinite(x)):
            break
        states.append(x)
        inputs.append(u)
    return np.array(states), np.array(inputs)


def limit_broken(task: ControlTask, theta: Array, x0: Array, w: Array,
                 scenario: str) -> Counterexample | None:
    """
    Return the :class:`Counterexample` of a rollout in which theta breaks a limit or leaves C.

    A state limit where one is broken, else the input that may drive the next state out of the
    safe set, else None.

    :param x0: (n,). :param w: (H, n). :param scenario: its name, in words.
    """
    states, inputs = unfiltered(task, theta, x0, w)
    over = np.abs(states) > task.system.state_limit + 1e-9
    if np.any(over):
        k = int(np.argmax(over.any(axis=1)))
        i = int(np.argmax(over[k]))
        return Counterexample(scenario, _NAMES[i], abs(states[k, i]), task.system.state_limit[i],
                              k * task.system.dt, x0, w, states[:k + 1])
    low, up = task.bounds(states[:len(inputs)])
    violation = np.maximum(inputs - up, low - inputs)
    if not np.any(violation > 0):
        return None
    k = int(np.argmax(violation))
    above = inputs[k] - up[k] >= low[k] - inputs[k]
    bound, words = (up[k], 'more') if above else (low[k], 'less')
    return Counterexample(f'{scenario}; the safe set allows no {words} there', 'u', inputs[k],
                          bound, k * task.system.dt, x0, w, states[:k + 2])


def not_returned(task: ControlTask, theta: Array, x0: Array, w: Array,
                 scenario: str) -> Counterexample:
    """Return the :class:`Counterexample` of a rollout that ends too far from the origin."""
    states, _ = unfiltered(task, theta, x0, w)
    metric = task.metric
    limit = metric.ratio * metric.norm(states[0]) + metric.offset
    return Counterexample(scenario, '|x|_P', float(metric.norm(states[-1])), float(limit),
                          (len(states) - 1) * task.system.dt, x0, w, states)


def worst_push(task: ControlTask, theta: Array, state: Array, horizon: int) -> Array:
    """Return disturbances (horizon, n) at their bound, towards the facet that theta nears most."""
    u = unfiltered(task, theta, state, task.system.disturbance[None] * 0)[1]
    ahead = task.system.step(np.asarray(state), u[:1])
    facet = task.safe_set.H[int(np.argmax(
        task.safe_set.H @ ahead + np.abs(task.safe_set.H) @ task.system.disturbance))]
    return np.tile(np.sign(facet) * task.system.disturbance, (horizon, 1))
