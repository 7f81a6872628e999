"""
The projection of a raw step onto the local safe region: build, solve, check.

    minimise b'G b - 2 l'b   subject to   gbar_i(b) <= c_i,  ||b|| <= R

with G = Q'MQ and l = Q'M s. Up to a constant the objective is ||Q b - s||_M^2.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scpo_ros.arrays import checked, frozen
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo.certificate import check_projection, relative_gap
from scpo_ros.scpo.conic_program import build_projection, first_solved, kkt_point
from scpo_ros.scpo.dual_newton import dual_answers
from scpo_ros.scpo.local_safe_region import LocalSafeRegion, pulled_in
from scpo_ros.scpo.refinement import refined


# Relative size of the rounding that is forgiven in the symmetry and definiteness of G.
ROUNDING = 1e-9
# Largest relative difference of G to a multiple of I that the certificate may take for rounding.
ISOTROPY = 1e-12
# Relative duality gap above which the next method or better units are tried; how often the latter.
GOOD_GAP = 1e-9
RESCALINGS = 5
_EPSILON = float(np.finfo(float).eps)
# Raw steps so long that their square overflows are malformed.
LONGEST = 1e150


def checked_metric(metric, size):
    """
    Return a metric as it came, an array after checking it.

    :raises InvalidArrayError: for an array that is not (d, d), finite and symmetric.
    """
    if metric is None or callable(metric):
        return metric
    metric = checked('metric', metric, (size, size))
    if not np.all(np.abs(metric - metric.T) <= ROUNDING * np.max(np.abs(metric))):
        raise InvalidArrayError('metric', metric, 'must be symmetric')
    return metric


def metric_terms(basis, raw_step, metric=None):
    """
    Return G = Q'MQ (n, n) and l = Q'M s (n,); nothing else of M is ever formed.

    :param basis: Q (d, n).
    :param raw_step: s (d,).
    :param metric: None for M = I, an array (d, d), or a callable V (d, m) -> M V (d, m).
    :raises InvalidArrayError: if the metric gives the wrong shape or non-finite numbers.
    """
    if metric is None:
        return basis.T @ basis, basis.T @ raw_step
    vectors = np.column_stack([basis, raw_step])
    product = metric(vectors) if callable(metric) else metric @ vectors
    product = checked('metric product', product, vectors.shape)
    gram = basis.T @ product[:, :-1]
    return gram, basis.T @ product[:, -1]


@dataclass(frozen=True, eq=False)
class ProjectionProblem:
    """The convex QCQP in the n coordinates b of the sampled subspace."""

    gram: np.ndarray    # (n, n) G, symmetric positive semidefinite
    linear: np.ndarray  # (n,) l
    region: LocalSafeRegion
    least: float = field(init=False)  # smallest eigenvalue of G
    isotropic: bool = field(init=False)  # whether G is a multiple of the identity

    def __post_init__(self):
        """
        Check shapes, symmetry and definiteness; rounding is repaired, at its own size.

        :raises InvalidArrayError: if the gram matrix is no metric, or l absurdly long.
        """
        count = self.region.slope.shape[1]
        gram = checked('gram', self.gram, (count, count))
        largest = np.abs(gram).max()
        if not np.abs(gram - gram.T).max() <= ROUNDING * largest:
            raise InvalidArrayError('gram', gram, 'must be symmetric')
        isotropic = _isotropic(gram)
        least = gram.diagonal().min() if isotropic else np.linalg.eigvalsh(gram)[0]
        if not least >= -count * ROUNDING * largest:
            raise InvalidArrayError('gram', least, 'must have no negative eigenvalue')
        lift = max(-least, 0.0) + 4.0 * count * _EPSILON * largest
        gram = 0.5 * (gram + gram.T)
        gram.flat[::count + 1] += lift
        object.__setattr__(self, 'gram', frozen(gram))
        object.__setattr__(self, 'least', least + lift)
        object.__setattr__(self, 'isotropic', isotropic)
        linear = checked('linear', self.linear, (count,))
        if not np.max(np.abs(linear), initial=0.0) <= LONGEST:
            raise InvalidArrayError('linear', linear, f'must not be longer than {LONGEST}')
        object.__setattr__(self, 'linear', linear)

    def objective(self, b):
        """Return b'G b - 2 l'b, the change of the model against b = 0."""
        return float(b.dot(self.gram.dot(b)) - 2.0 * self.linear.dot(b))

    @cached_property
    def scale(self):
        """
        Return the gain within R, the unit in which the duality gap is measured.

        It is what the step would gain without constraints (exactly so for G = I).
        """
        return self.gain(self.region.trust_radius)

    def gain(self, radius):
        """Return the decrease of the objective at the Cauchy point: along l, within a radius."""
        length = np.sqrt(self.linear.dot(self.linear))
        if not length > 0:
            return 0.0
        unit = self.linear / length
        curvature = float(unit.dot(self.gram.dot(unit)))
        reach = radius if curvature * radius <= length else length / curvature
        return float(reach * (2.0 * length - reach * curvature))

    @cached_property
    def reach(self):
        """Return min(R, 2 ||l|| / lambda_min(G)): no longer b is better than b = 0."""
        least = self.least
        length = 2.0 * np.sqrt(self.linear @ self.linear)
        radius = self.region.trust_radius
        return float(radius if least * radius <= length else length / least)

    @property
    def feasible_at_rest(self):
        """Return whether b = 0 satisfies every constraint strictly (Slater)."""
        return bool(np.all(self.region.slack > 0))


@dataclass(frozen=True, eq=False)
class ProjectionAnswer:
    """A step with its solver-free certificate; no answer is NaN, with both of them infinite."""

    b: np.ndarray            # (n,) coordinates of the step
    multipliers: np.ndarray  # (k,) of gbar_i <= c_i
    ball_multiplier: float   # of ||b||^2 <= R^2
    violation: float         # max of gbar_i - c_i and ||b|| - R, <= 0 exactly
    duality_gap: float       # relative to the scale of the problem
    method: str = 'none'     # that found it: rest, newton, proximal, conic, reference or none


def solve_projection(problem):
    """
    Return the projection, pulled in until exactly feasible, with its certificate.

    Where the metric is a multiple of the identity: Newton on the dual, then a proximal step;
    otherwise, and where the gap stays above GOOD_GAP, Clarabel with refinement. Whatever comes
    first with a gap within GOOD_GAP is the answer, else the one with the smallest gap.
    When b = 0 is not strictly feasible the answer is b = 0, with the violation as it is and an
    infinite gap.
    """
    rest = _answer_at_rest(problem)
    if rest is not None:
        return rest
    best = None
    for answer in _attempts(problem):
        if best is None or answer.duality_gap < best.duality_gap:
            best = answer
        if best.duality_gap <= GOOD_GAP:
            break
    return best


def _attempts(problem):
    """Yield answers of one method after the other, the cheapest first."""
    if problem.isotropic:
        for method, *point in dual_answers(problem):
            yield _finished(problem, *point, method)
    yield from _conic_answers(problem)


def _conic_answers(problem):
    """
    Yield answers of Clarabel.

    An answer that is short beside the ball it is sought in loses digits in the solver: the program
    is built anew with a ball of a few times its length, and with a larger one where that cut it
    short. Any solver status but the good one is no answer.
    """
    low, high = 0.0, min(problem.reach, 2.0 * problem.region.longest)
    reach = high
    for _ in range(RESCALINGS + 1):
        answer, length = _solved(problem, reach)
        yield answer
        if length > 0.9 * reach and reach < high:
            low = reach
        else:
            high = reach
        reach = max(4.0 * length, 2.0 * low) if length > 0 else high / 32.0  # NaN is not
        if not low < reach < high:
            return


@np.errstate(all='ignore')  # what is not finite is no answer
def _solved(problem, reach):
    """Return (answer, length of the solver's b) of a conic program, sought in ||b|| <= reach."""
    program = build_projection(problem, reach)
    solution = first_solved(program)
    if solution is None:
        return no_answer(problem), np.nan
    point = kkt_point(problem, program, solution)
    length = np.linalg.norm(point.b)
    if not np.all(np.isfinite([length, *point.mu, point.nu])):
        return no_answer(problem), np.nan
    answer = _finished(problem, point.b, point.mu, point.nu, 'conic')
    try:
        better = _finished(problem, *refined(problem, point), 'conic')
    except np.linalg.LinAlgError:
        return answer, length
    return (better if better.duality_gap < answer.duality_gap else answer), length


def solve_reference(problem):
    """Return the same projection written as the QCQP that it is, by CVXPY, for comparison."""
    import cvxpy  # a second to import, and only the reference needs it
    rest = _answer_at_rest(problem)
    if rest is not None:
        return rest
    region = problem.region
    b = cvxpy.Variable(len(problem.linear))
    square = cvxpy.sum_squares(b)
    safe = (region.g + region.slope @ b + region.sampling_weight * cvxpy.norm1(b)
            + 0.5 * region.smoothness * square <= region.target)
    ball = square <= region.trust_radius ** 2
    objective = cvxpy.quad_form(b, cvxpy.psd_wrap(problem.gram)) - 2.0 * problem.linear @ b
    program = cvxpy.Problem(cvxpy.Minimize(objective), [safe, ball])
    try:
        program.solve(solver=cvxpy.CLARABEL)
    except cvxpy.error.SolverError:
        return no_answer(problem)
    if program.status != cvxpy.OPTIMAL:
        return no_answer(problem)
    return _finished(problem, b.value, safe.dual_value, ball.dual_value.item(), 'reference')


def no_answer(problem):
    """Return the answer that is none: NaN step, infinite violation and gap."""
    return ProjectionAnswer(
        frozen(np.full(len(problem.linear), np.nan)), frozen(np.zeros(len(problem.region.g))),
        0.0, np.inf, np.inf)


def _answer_at_rest(problem):
    """Return b = 0 where it is the answer without a solver, else None."""
    idle = not problem.scale > 0
    if problem.feasible_at_rest and not idle:
        return None
    b, multipliers = np.zeros(len(problem.linear)), np.zeros(len(problem.region.g))
    violation, gap = check_projection(problem, b, multipliers, 0.0)
    if not problem.feasible_at_rest:
        gap = np.inf
    return ProjectionAnswer(frozen(b), frozen(multipliers), 0.0, violation, gap, 'rest')


def _finished(problem, b, multipliers, ball, method):
    """Return the answer of a solver, made feasible and certified."""
    if not np.all(np.isfinite(b)):
        return no_answer(problem)
    b, violation = pulled_in(problem.region, b)
    multipliers, ball = np.maximum(multipliers, 0.0), max(float(ball), 0.0)
    gap = relative_gap(problem, b, multipliers, ball)
    return ProjectionAnswer(frozen(b), frozen(multipliers), ball, violation, gap, method)


def _isotropic(gram):
    """Return whether a matrix is a multiple of the identity, to rounding."""
    diagonal = gram.diagonal()
    mean = diagonal.sum() / len(gram)
    apart = np.abs(gram).sum() - np.abs(diagonal).sum()
    return bool(mean > 0 and max(np.abs(diagonal - mean).max(), apart) <= ISOTROPY * mean)
