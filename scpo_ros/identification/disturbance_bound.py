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
The half-widths of the disturbance that a certificate shall rest on.

Let w be what the true A and B leave of a recorded step. The true theta lies in the joint region,
so that |w_k| <= |r_k| + c(z_k), with r_k what the found model leaves and c(z) by how much its
prediction may differ over the region. The largest of these, the *observed* half-widths, cover all
recorded w. By the scenario bound they cover a fresh one up to the probability epsilon. A fresh
step at any z within the limits X and U then leaves of the found model at most

    observed + uncertainty,    uncertainty = max |dA x + dB u| over the region and the limits

with confidence 1 - (1 - confidence) - beta. The scenario bound limits a probability and not the
support. So the observed half-widths are multiplied by a factor, which is an assumption: no
disturbance is larger than that.

With a measurement error e the recorded states are y = x + e, and the residuals hold
e+ - A e besides w. Least squares then is biased towards 0; the bias is estimated for an e that
is uniform, and added to the uncertainty. A certificate adds e and |A| e to the disturbance by
itself, so these are taken off.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.identification.confidence import Region
from scpo_ros.identification.least_squares import Fit
from scpo_ros.identification.transitions import Transitions


@dataclass(frozen=True, eq=False)
class DisturbanceBound:
    """The half-widths (n,) of the disturbance, and of what they are made; units of x per step."""

    observed: Array  # cover every recorded step
    uncertainty: Array  # of A and B over the limits
    bias: Array  # that the measurement error has on A and B, over the limits
    factor: float
    measured: Array  # e + |A| e, which certificates add by themselves

    @property
    def sampled(self) -> Array:
        """Return the half-widths that the scenario bound speaks of: without the factor."""
        return self.observed + self.uncertainty + self.bias

    @property
    def total(self) -> Array:
        """Return the half-widths that cover what the model leaves of the measured states."""
        return self.factor * self.observed + self.uncertainty + self.bias

    @property
    def disturbance(self) -> Array:
        """Return the half-widths that the description gets."""
        return np.maximum(self.total - self.measured, 0.0)


def disturbance_bound(found: Fit, data: Transitions, region: Region, limits: Array,
                      error: Array, factor: float) -> DisturbanceBound:
    """
    Return the half-widths of the disturbance.

    :param limits: (n + m,), of states and inputs. :param error: (n,), half-widths of e.
    """
    n = len(error)
    doubt = region.of_predictions(found.derivatives, data.z)
    observed = np.max(np.abs(found.model_residuals(data)) + doubt, axis=0)
    bias = np.einsum('p,pik->ik', bias_of(found, data, error), found.derivatives)
    return DisturbanceBound(
        observed, region.within(found.derivatives, limits), np.abs(bias) @ limits, factor,
        error + np.abs(found.step[:, :n]) @ error)


def bias_of(found: Fit, data: Transitions, error: Array) -> Array:
    """
    Return the bias (p,) of the free entries by a uniform measurement error of the states.

    To first order it is -M^-1 sum_i (N / s_i^2) dA_i' E A_i, with E the covariance of e.

    :param error: (n,), half-widths of e.
    """
    n = len(error)
    if not np.any(error > 0):
        return np.zeros(len(found.theta))
    weights = found.sizes**-2.0
    slopes = found.derivatives
    information = np.einsum(
        'pik,kl,qil,i->pq', slopes, data.z.T @ data.z, slopes, weights)
    pull = np.einsum('pij,j,ij,i->p', slopes[:, :, :n], error**2 / 3, found.step[:, :n], weights)
    units = np.sqrt(np.diag(information))
    bias: Array = -data.count / units * (
        np.linalg.pinv(information / np.outer(units, units), hermitian=True) @ (pull / units))
    return bias
