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

"""Certificates: of one projection answer, without its solver, and of one accepted policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
import sys
from typing import TypeAlias

import numpy as np
from scipy.linalg.lapack import dposv
from scpo_ros.arrays import Array, digest, frozen
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo.projection_problem import ProjectionProblem
from scpo_ros.scpo.settings import KINDS
from scpo_ros.tolerances import ARITHMETIC


# Share of the problem's scale given away to keep the dual bound finite for a singular metric.
REGULARISATION = 1e-10

Rule: TypeAlias = tuple[bool | np.bool_, str]  # whether it holds, and the sentence if it does not


def dual_bound(problem: ProjectionProblem, b: Array, multipliers: Array,
               ball_multiplier: float) -> float:
    """
    Return a lower bound of the projection's optimal objective, by weak duality.

    For mu >= 0, nu >= 0 and |sigma_j| <= w'mu (w_i the weights of ||b||_1), with
    q = L'mu / 2 + nu,

        D = min_b b'(G + q I) b + (slope'mu - 2 l + sigma)'b + mu'(g - c) - nu R^2

    is below every feasible objective, because w'mu ||b||_1 >= sigma'b. sigma comes from
    stationarity at b, clipped; negative multipliers are clipped to 0.

    :param problem: a ProjectionProblem.
    :param b: the answer to judge (n,); any b gives a valid bound, the optimal one the best.
    :param multipliers: mu (k,).
    :param ball_multiplier: nu, of ||b||^2 <= R^2.
    """
    region = problem.region
    mu = np.maximum(multipliers, 0.0)
    least = REGULARISATION * problem.scale / region.trust_radius ** 2
    nu = max(ball_multiplier, 0.0) + least
    hessian = problem.gram.copy()
    weighted = mu.dot(region.rows)  # (slope'mu, w'mu, L'mu)
    width, curved = weighted[len(b):]
    hessian.reshape(-1)[::len(b) + 1] += 0.5 * curved + nu
    slope = weighted[:len(b)] - 2.0 * problem.linear
    slope += np.minimum(np.maximum(-(slope + 2.0 * hessian.dot(b)), -width), width)
    constant = -mu.dot(region.slack) - nu * region.trust_radius ** 2
    least, failed = dposv(hessian, slope)[1:]
    if not failed:
        return float(constant - 0.25 * slope.dot(least))
    if slope.any():
        raise np.linalg.LinAlgError('the metric is not positive definite')
    return float(constant)


def relative_gap(problem: ProjectionProblem, b: Array, multipliers: Array,
                 ball_multiplier: float) -> float:
    """
    Return the relative duality gap (p(b) - D) / max(scale, |p(b)|), infinite if it has none.

    :param problem: a ProjectionProblem. The answer to judge is as in :func:`dual_bound`.
    """
    try:
        with np.errstate(all='ignore'):
            value = problem.objective(b)
            gap = value - dual_bound(problem, b, multipliers, ball_multiplier)
            gap /= max(problem.scale, abs(value), sys.float_info.min)
    except np.linalg.LinAlgError:
        return np.inf
    return gap if isfinite(gap) else np.inf


def check_projection(problem: ProjectionProblem, b: Array, multipliers: Array,
                     ball_multiplier: float) -> tuple[float, float]:
    """
    Return (primal violation, relative duality gap) of an answer, without a solver.

    violation = max(max_i gbar_i(b) - c_i, ||b|| - R). What cannot be computed is infinite.
    """
    violation = problem.region.violation(b)
    return (violation if isfinite(violation) else np.inf,
            relative_gap(problem, b, multipliers, ball_multiplier))


@dataclass(frozen=True, eq=False)
class Certificate:
    """
    What was established for one policy theta, and on what it rests.

    g_i <= -margin on every verified metric; gbar_i, built at the parent with the constants L_i,
    covers g_i. Construction only freezes: judge with :func:`certificate_defects`.
    """

    kind: str                # one of KINDS
    coverage: str            # what was covered, in words
    g: Array                 # (k,) design metrics at theta
    bound: Array             # (k,) gbar at theta
    smoothness: Array        # (k,) the L_i with which bound was formed
    margin: float            # m_acc, metric units
    theta_digest: str        # of theta
    parent_digest: str       # of the policy from which the step was made
    violation: float         # primal violation of the projection, <= 0
    duality_gap: float       # relative, of the projection
    verification_size: int   # number of metrics verified
    verification_max: float  # largest verified metric

    def __post_init__(self) -> None:
        """
        Freeze the arrays.

        :raises InvalidArrayError: if they are not arrays of numbers.
        """
        for name in ('g', 'bound', 'smoothness'):
            try:
                array = frozen(getattr(self, name))
            except (TypeError, ValueError) as error:
                raise InvalidArrayError(
                    name, getattr(self, name), 'must convert to an array of numbers') from error
            object.__setattr__(self, name, array)


@dataclass(frozen=True, eq=False)
class StepEvidence:
    """What the projection established for the step from the parent to a policy."""

    bound: Array              # (k,) gbar at the policy
    smoothness: Array         # (k,) the L_i with which bound was formed
    violation: float = 0.0    # primal violation of the projection
    duality_gap: float = 0.0  # relative, of the projection


def certificate_of(theta: Array, parent: Array, g: Array, verified: Array, step: StepEvidence,
                   kind: str, coverage: str, margin: float) -> Certificate:
    """
    Return the certificate of a policy that was verified.

    :param theta: the policy (d,). :param parent: the one before (d,), or itself.
    :param g: design metrics (k,). :param verified: verification metrics (k_v,), empty where the
        design set is the verification set.
    :param step: what the projection established. :param kind: one of KINDS.
    :param coverage: what was covered, in words. :param margin: m_acc, metric units.
    """
    return Certificate(
        kind=kind, coverage=coverage, g=g, bound=step.bound, smoothness=step.smoothness,
        margin=margin, theta_digest=digest(theta), parent_digest=digest(parent),
        violation=step.violation, duality_gap=step.duality_gap,
        verification_size=verified.size or g.size,
        verification_max=float(max(g.max(), verified.max(initial=-np.inf))))


def certificate_defects(certificate: Certificate, theta: Array, margin: float,
                        gap_tolerance: float) -> tuple[str, ...]:
    """
    Return the sentences that say what is wrong with a certificate, none if nothing is.

    This is arithmetic only: it finds tampering and corruption, and does not replace a
    verification of one's own. Every comparison is such that NaN fails it.

    :param certificate: a :class:`Certificate`, perhaps from a message.
    :param theta: the policy (d,) that it comes with.
    :param margin: the least margin required, metric units.
    :param gap_tolerance: the largest relative duality gap accepted.
    :returns: tuple of str.
    """
    lengths = {np.shape(x) for x in (certificate.g, certificate.bound, certificate.smoothness)}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1 or np.size(certificate.g) == 0:
        return (f'g, bound and smoothness must be vectors of one length >= 1, not {lengths}',)
    rules = (*_metric_rules(certificate, margin), *_step_rules(certificate, gap_tolerance),
             *_identity_rules(certificate, theta))
    return tuple(sentence for holds, sentence in rules if not holds)


def _metric_rules(certificate: Certificate, margin: float) -> Iterator[Rule]:
    """Yield (whether it holds, the sentence if it does not) for metrics and margin."""
    c = certificate
    arrays_finite = all(np.all(np.isfinite(x)) for x in (c.g, c.bound, c.smoothness))
    numbers = (c.margin, c.violation, c.duality_gap, c.verification_max)
    yield arrays_finite and np.all(np.isfinite(numbers)), 'not every number is finite'
    yield np.all(c.g <= -c.margin), f'a metric is above -margin = {-c.margin:.6g}'
    yield c.margin >= margin, f'the margin {c.margin:.6g} is below the required {margin:.6g}'
    slack = ARITHMETIC * np.maximum(1.0, np.abs(c.g))
    yield np.all(c.g <= c.bound + slack), 'a metric is above its bound'
    yield np.all(c.smoothness > 0), 'a smoothness constant is not positive'
    yield c.verification_size >= 1, 'nothing was verified'
    yield (c.verification_max <= -c.margin,
           f'the largest verified metric {c.verification_max:.6g} is above -margin')
    yield (c.verification_max >= np.max(c.g),
           'the largest verified metric is below a metric of the certificate')


def _step_rules(certificate: Certificate, gap_tolerance: float) -> Iterator[Rule]:
    """Yield the rules of the projection."""
    c = certificate
    yield c.violation <= 0.0, f'the step violates the local safe region by {c.violation:.3g}'
    yield (-ARITHMETIC <= c.duality_gap <= gap_tolerance,
           f'the duality gap {c.duality_gap:.3g} is not between 0 and {gap_tolerance:.3g}')


def _identity_rules(certificate: Certificate, theta: Array) -> Iterator[Rule]:
    """Yield the rules of kind and digests."""
    yield certificate.kind in KINDS, f'the kind {certificate.kind!r} is none of {KINDS}'
    yield certificate.theta_digest == digest(theta), 'the digest is not that of the policy'
