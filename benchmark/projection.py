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

"""The projection against CVXPY with Clarabel, written anew each time or parametrised (DPP)."""

from collections import Counter

from benchmark.instances import hard, of_the_default_path, realistic, with_metric
from benchmark.measure import blocks, interleaved, ratio, Result, summarised
import cvxpy
import numpy as np
from scpo_ros.scpo import ProjectionProblem, solve_projection, solve_reference

DIRECTIONS, CONSTRAINTS = 32, 4
BLOCK = 10  # problems solved in a row by each
# Problems to certify, by whether it is quick: realistic, hard, of each in general metrics.
COUNTS = {False: (2000, 1000, 400), True: (200, 100, 40)}


def as_in_the_paper(problem):
    """Solve by a CVXPY problem written anew, constraint by constraint."""
    region, b = problem.region, cvxpy.Variable(len(problem.linear))
    rows = [cvxpy.norm(b) <= region.trust_radius]
    for g, slope, weight, smoothness, target in zip(
            region.g, region.slope, region.sampling_weight, region.smoothness, region.target):
        rows.append(g + slope @ b + weight * cvxpy.norm1(b)
                    + smoothness / 2 * cvxpy.sum_squares(b) <= target)
    cost = cvxpy.sum_squares(b - problem.linear)
    cvxpy.Problem(cvxpy.Minimize(cost), rows).solve(solver=cvxpy.CLARABEL)
    return b.value


def parametrised(n, k):
    """Return problem -> b by a CVXPY problem with parameters, written once; M = I."""
    b, g, slope = cvxpy.Variable(n), cvxpy.Parameter(k), cvxpy.Parameter((k, n))
    weight, half = cvxpy.Parameter(k, nonneg=True), cvxpy.Parameter(k, nonneg=True)
    linear, radius = cvxpy.Parameter(n), cvxpy.Parameter(nonneg=True)
    rows = [g + slope @ b + weight * cvxpy.norm1(b) + half * cvxpy.sum_squares(b) <= 0,
            cvxpy.norm(b) <= radius]
    program = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(b) - 2 * linear @ b), rows)

    def solve(problem):
        region = problem.region
        g.value, slope.value = region.g - region.target, region.slope
        weight.value, half.value = region.sampling_weight, region.smoothness / 2
        linear.value, radius.value = problem.linear, region.trust_radius
        program.solve(solver=cvxpy.CLARABEL)
        return b.value

    return solve


def fresh(problem):
    """Return the same problem without what it has computed of itself so far."""
    return ProjectionProblem(problem.gram, problem.linear, problem.region)


def _timed(problems, alternatives, size):
    """Return seconds a problem (1 + alternatives, blocks), ours first, in blocks of problems."""
    ours = [fresh(problem) for problem in problems]
    first = blocks(solve_projection, ours, size)
    rest = [blocks(solve, problems, size) for solve in alternatives]
    times = interleaved([first, *rest], len(problems) // size)
    return times / size


def euclidean(quick):
    """Return the results for M = I, n = 32, k = 4."""
    rng = np.random.default_rng(3)
    problems = [realistic(rng, DIRECTIONS, CONSTRAINTS) for _ in range(60 if quick else 400)]
    times = _timed(problems, (
        as_in_the_paper, solve_reference, parametrised(DIRECTIONS, CONSTRAINTS)), BLOCK)
    return [
        ratio('projection_vs_cvxpy_fresh', times[0], times[1], 40.0,
              'written constraint by constraint'),
        ratio('projection_vs_cvxpy_fresh_vectorised', times[0], times[2],
              note='all constraints in one vector inequality'),
        ratio('projection_vs_cvxpy_dpp', times[0], times[3], 4.0),
        summarised('projection_ms', 1e3 * times[0], 'ms')]


def default_path(quick):
    """Return the results for the metric and the constraints of the default path."""
    problems = of_the_default_path(5 if quick else 40)
    times = _timed(problems, (solve_reference,), 1)
    answers = [solve_projection(problem) for problem in problems]
    n, k = len(problems[0].linear), len(problems[0].region.g)
    return [
        ratio('projection_default_vs_cvxpy_fresh', times[0], times[1], 5.0,
              f'n = {n}, k = {k}, vectorised'),
        summarised('projection_default_ms', 1e3 * times[0], 'ms'),
        *_certificates('default', answers)]


def certificates(quick):
    """Return the worst certificate and the number of fallbacks over many instances."""
    results = []
    for kind, draw, count in zip(('realistic', 'hard'), (realistic, hard), COUNTS[quick]):
        rng = np.random.default_rng(5)
        results += _certificates(kind, [solve_projection(draw(rng)) for _ in range(count)])
    return [*results, *general_certificates(quick)]


def general_certificates(quick):
    """Return how often random metrics, of condition 100, are refused; no target is set."""
    results = []
    count = COUNTS[quick][2]
    for kind, draw in (('realistic', realistic), ('hard', hard)):
        rng = np.random.default_rng(6)
        answers = [solve_projection(with_metric(draw(rng), rng, 100.0)) for _ in range(count)]
        refused = sum(not _certified(answer) for answer in answers)
        results.append(Result(f'projection_refused_{kind}_general_metric', float(refused), 0.0,
                              f'of {count}'))
    return results


def _certified(answer):
    return answer.violation <= 0 and answer.duality_gap <= 1e-9


def _certificates(kind, answers):
    methods = Counter(answer.method for answer in answers)
    note = ', '.join(f'{method} {count}' for method, count in sorted(methods.items()))
    worst = max(max(answer.duality_gap, answer.violation) for answer in answers)
    refused = sum(not _certified(answer) for answer in answers)
    return [
        Result(f'projection_worst_certificate_{kind}', worst, 0.0, 'relative', 1e-9, False,
               f'of {len(answers)}: {note}'),
        Result(f'projection_refused_{kind}', float(refused), 0.0, f'of {len(answers)}', 0.0,
               False)]
