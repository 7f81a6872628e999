# Copyright 2026 scpo_ros developers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
The central path: a log barrier keeps room from every constraint, less after each acceptance.

With w > 0 the plan minimises the model of L + phi in place of that of L,

    phi(theta) = -w sum_i log(-m_acc - g_i(theta)),

subject to the same region. Without it a step slides along the first constraints that it meets and
ends in their corner, where smoothness constants are large and steps short; the barrier goes around
the corner. It touches no guarantee: region, verification and acceptance margin stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, frozen
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome

Loss: TypeAlias = Callable[[Array], float]  # of a policy (d,)


@dataclass(frozen=True)
class LogBarrier:
    """phi as a function of the metrics."""

    weight: float  # w >= 0, units of the loss
    margin: float  # m_acc, metric units

    def __call__(self, g: npt.ArrayLike) -> float:
        """Return phi(g), infinite where a constraint has no room; 0 everywhere for w = 0."""
        if not self.weight > 0:
            return 0.0
        room = -self.margin - np.asarray(g)
        if not np.all(room > 0):
            return np.inf
        return float(-self.weight * np.sum(np.log(room)))

    def model(self, g: Array, slope: Array) -> tuple[Array, Array]:
        """
        Return G (n, n) and l (n,) with phi(g + slope b) about phi(g) + b'G b - 2 l'b.

        :param g: metrics (k,) below -m_acc. :param slope: (k, n) of the metrics.
        """
        if not self.weight > 0:
            return np.zeros((slope.shape[1],) * 2), np.zeros(slope.shape[1])
        room = -self.margin - g
        scaled = slope / np.where(room > 0, room, np.inf)[:, None]
        with np.errstate(over='ignore', invalid='ignore'):  # the projection refuses such a model
            return (0.5 * self.weight * scaled.T @ scaled,
                    -0.5 * self.weight * scaled.sum(axis=0))


class CentralPath:
    """The barrier's weight over the updates: a share of the first loss, less at acceptances."""

    def __init__(self, share: float, decay: float, margin: float) -> None:
        """
        Begin without a loss.

        :param share: w as a part of the first loss, >= 0. :param decay: factor in (0, 1].
        :param margin: m_acc.
        """
        self._share, self._decay, self._margin = share, decay, margin
        self.restart()

    def restart(self) -> None:
        """Forget the weight: the next loss counts as the first."""
        self._weight: float | None = None

    def advance(self) -> None:
        """Lower the weight after an acceptance."""
        if self._weight is not None:
            self._weight *= self._decay

    def barrier(self, loss: float) -> LogBarrier:
        """Return the :class:`LogBarrier` of an update; without weight when there is no loss."""
        if not np.isfinite(loss):
            return LogBarrier(0.0, self._margin)
        if self._weight is None:
            self._weight = self._share * abs(loss)
        return LogBarrier(self._weight, self._margin)


class Merit:
    """The quantity that a step must lower: the loss, or loss and barrier; none without a loss."""

    def __init__(self, loss: Loss | None, theta: Array, path: CentralPath) -> None:
        """
        Evaluate the loss of the present policy.

        :param loss: callable theta (d,) -> float, or None. :param theta: the present policy (d,).
        :param path: the :class:`CentralPath` that gives the barrier.
        :raises Refusal: LOSS_NOT_LOWERED, if the loss raises.
        """
        self._loss = loss
        self.before, self.after = evaluated(loss, theta), np.nan
        self.barrier = path.barrier(self.before)

    def refusal(self, theta: Array, g_before: Array, g: Array) -> Refusal | None:
        """
        Return a Refusal if a candidate lowers neither the loss nor loss and barrier, else None.

        :param theta: the candidate (d,). :param g_before: metrics (k,) of the present policy.
        :param g: metrics (k,) of the candidate.
        :raises Refusal: LOSS_NOT_LOWERED, if the loss raises.
        """
        self.after = evaluated(self._loss, theta)
        if self._loss is None:
            return None
        numbers = -np.inf < self.after < np.inf and self.before < np.inf
        if numbers and (self.after < self.before or self.after + self.barrier(g)
                        < self.before + self.barrier(g_before)):
            return None
        return Refusal(
            UpdateOutcome.LOSS_NOT_LOWERED,
            f'The loss would go from {self.before:.6g} to {self.after:.6g}.')


def evaluated(loss: Loss | None, theta: Array) -> float:
    """
    Return loss(theta), NaN without a loss.

    :raises Refusal: LOSS_NOT_LOWERED, if the loss raises or gives no real number.
    """
    if loss is None:
        return np.nan
    try:
        return float(frozen(loss(np.array(theta))).item())
    except Exception as error:  # the callable is the caller's
        raise Refusal(UpdateOutcome.LOSS_NOT_LOWERED,
                      f'The loss raised {type(error).__name__}: {error}.') from error
