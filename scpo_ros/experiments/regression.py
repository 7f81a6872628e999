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
Constrained regression with harmful supervision, the first experiment of the paper.

    minimise mean (pi_theta(x) - f(x))^2   subject to   |pi_theta(x)| <= 1.4  on [-pi, pi],

f(x) = sin x + sin 3x + sin 7x. The labels are harmful: f leaves the bound on 35.7 % of the
interval. The constraint is evaluated and never differentiated. One epoch is one minibatch and
one update; updates are those of :mod:`scpo_ros.scpo`, and every accepted policy comes with a
proof that it obeys the bound on the whole interval (see :mod:`.regression_bound`).

    python -m scpo_ros.experiments.regression --seed 0 --epochs 5000 --output results/regression
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
import time

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array
from scpo_ros.config.validation import checked_count
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments.regression_bound import OutputBound
from scpo_ros.experiments.regression_learner import MinibatchStep, stratified_inputs
from scpo_ros.experiments.regression_network import TanhNetwork
from scpo_ros.experiments.regression_picture import draw
from scpo_ros.experiments.results import write_figure, write_json
from scpo_ros.process.program import program
from scpo_ros.scpo import ScpoUpdater

HALF_WIDTH = np.pi    # of the interval of inputs
LIMIT = 1.4           # of |pi_theta|, output units
GRID = 10_000         # inputs of the mean squared error, uniform
HELD_OUT = 10_000     # inputs that report only, drawn from a seed of their own

NETWORK = TanhNetwork(width=32)
FREQUENCY = 5.0       # of the first layer at the start, 1 / input units
BATCH = 128           # inputs of a minibatch
SLICES = 12           # of a minibatch, whose parts of the step are directions
DAMPING = 1e-4        # of the Gauss-Newton step
BOUND = OutputBound(NETWORK, LIMIT, HALF_WIDTH, groups=128, cells=2, refinement=32,
                    interpolation=1e-3)
# Margins in output units; nothing is ever rolled back. The rest is as the method has it.
SETTINGS: dict[str, float | int | str] = {
    'accept_margin': 0.002, 'plan_margin': 0.003, 'memory': 1, 'kind': 'proved'}
COVERAGE = '|pi_theta(x)| <= 1.4 for every x in [-pi, pi]'

FIELDS = ('seed', 'epochs', 'mse_initial', 'mse_final', 'unsafe_iterates', 'max_abs_enforced',
          'max_abs_held_out', 'max_abs_proved', 'accepted', 'refused', 'seconds')


def target(x: Array) -> Array:
    """Return f(x) = sin x + sin 3x + sin 7x."""
    return np.sin(x) + np.sin(3.0 * x) + np.sin(7.0 * x)


def policy(theta: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """
    Return pi_theta(x), in the shape of x.

    :param theta: (d,).
    :param x: inputs of any shape.
    """
    return NETWORK.output(np.asarray(theta, dtype=np.float64), x)


def mean_squared_error(theta: Array) -> float:
    """Return the mean of (pi_theta(x) - f(x))^2 over a uniform grid of 10,000 inputs."""
    x = np.linspace(-HALF_WIDTH, HALF_WIDTH, GRID)
    return float(np.mean((policy(theta, x) - target(x)) ** 2))


def held_out_inputs(seed: int) -> Array:
    """Return 10,000 inputs drawn uniformly from another stream than anything in training."""
    return np.random.default_rng([seed, 1]).uniform(-HALF_WIDTH, HALF_WIDTH, HELD_OUT)


def minibatch_step(theta: Array, rng: np.random.Generator) -> MinibatchStep:
    """Return the learner's :class:`MinibatchStep` at theta, for freshly drawn inputs."""
    x = stratified_inputs(rng, BATCH, HALF_WIDTH)
    edges = (np.arange(SLICES - 1) + rng.uniform()) * BATCH / SLICES
    return MinibatchStep.made(NETWORK, theta, x, target(x), DAMPING, edges.astype(int))


@dataclass(frozen=True, eq=False)
class RegressionResult:
    """One run. An iterate is the policy after an epoch; theta_0 is one too."""

    seed: int
    epochs: int
    mse_initial: float       # on the uniform grid
    mse_final: float
    unsafe_iterates: int     # with |pi| > 1.4 at an enforced or at a held-out input
    max_abs_enforced: float  # largest |pi| of any iterate at an enforced input
    max_abs_held_out: float  # the same at a held-out input
    max_abs_proved: float    # no iterate has a larger |pi| at any x in [-pi, pi]
    accepted: int
    refused: int
    seconds: float           # wall time
    outcomes: dict[str, int]  # {name of UpdateOutcome: number of epochs}
    thetas: list[Array]      # theta_0 (d,) and every accepted policy, in order
    history: Array           # (epochs + 1, 4), columns as in OBSERVED

    @staticmethod
    def policy(theta: npt.ArrayLike, x: npt.ArrayLike) -> Array:
        """Return pi_theta(x), in the shape of x."""
        return policy(theta, x)

    def summary(self) -> dict[str, int | float]:
        """Return what results.json holds."""
        return {name: getattr(self, name) for name in FIELDS}


OBSERVED = ('max_abs_enforced', 'max_abs_held_out', 'max_abs_proved', 'mse_held_out')


def observed(theta: Array, held_out: Array) -> tuple[float, float, float, float]:
    """Return what is reported of an iterate, in the order of OBSERVED; nothing is decided."""
    enforced = float(np.max(np.abs(policy(theta, BOUND.enforced))))
    outputs = policy(theta, held_out)
    return (enforced, float(np.max(np.abs(outputs))), enforced + BOUND.slack(theta),
            float(np.mean((outputs - target(held_out)) ** 2)))


def run(seed: int = 0, epochs: int = 5000, clock: Callable[[], float] = time.perf_counter
        ) -> RegressionResult:
    """
    Train for a number of epochs and return the :class:`RegressionResult`.

    One seed gives one result, up to `seconds`.

    :param seed: non-negative integer.
    :param epochs: number of minibatches and updates, not negative.
    :param clock: callable that returns seconds.
    :raises ConfigurationError: for a seed or a number of epochs that is none.
    """
    seed, epochs = checked_count('seed', seed), checked_count('epochs', epochs)
    started = clock()
    rng = np.random.default_rng([seed, 0])
    updater = ScpoUpdater(
        BOUND.design, NETWORK.initial(rng, FREQUENCY, HALF_WIDTH), BOUND.verify, rng=rng,
        coverage=COVERAGE, **SETTINGS)
    held_out = held_out_inputs(seed)
    thetas, history = [updater.theta], [observed(updater.theta, held_out)]
    outcomes: Counter[str] = Counter()
    for _ in range(epochs):
        batch = minibatch_step(updater.theta, rng)
        result = updater.update(batch.step, batch.metric, batch.loss, batch.parts)
        outcomes[result.outcome.name] += 1
        if result.accepted:
            thetas.append(result.theta)
        history.append(observed(result.theta, held_out) if result.accepted else history[-1])
    return _result(seed, epochs, thetas, np.array(history), outcomes, clock() - started)


def _result(seed: int, epochs: int, thetas: list[Array], history: Array,
            outcomes: Counter[str], seconds: float) -> RegressionResult:
    enforced, held_out, proved, _ = history.T
    safe = (enforced <= LIMIT) & (held_out <= LIMIT)
    return RegressionResult(
        seed=seed, epochs=epochs,
        mse_initial=mean_squared_error(thetas[0]), mse_final=mean_squared_error(thetas[-1]),
        unsafe_iterates=int(np.sum(~safe)), max_abs_enforced=float(enforced.max()),
        max_abs_held_out=float(held_out.max()), max_abs_proved=float(proved.max()),
        accepted=len(thetas) - 1, refused=epochs - len(thetas) + 1, seconds=seconds,
        outcomes=dict(outcomes), thetas=thetas, history=history)


def write(result: RegressionResult, folder: str | Path) -> None:
    """Write results.json and regression.png."""
    folder = Path(folder)
    write_json(folder / 'results.json', result.summary())
    x = np.linspace(-HALF_WIDTH, HALF_WIDTH, 2001)
    curves = {'loss': result.history[:, 3], 'largest': result.history[:, :2].max(axis=1)}
    write_figure(folder / 'regression.png', draw(
        x, target(x), policy(result.thetas[-1], x), LIMIT, result.summary(), **curves))


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiment from the command line."""
    parser = argparse.ArgumentParser(description='Constrained regression, harmful supervision.')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--epochs', type=int, default=5000)
    parser.add_argument('--output', default='results/regression', help='folder')
    chosen = parser.parse_args(arguments)
    try:
        result = run(chosen.seed, chosen.epochs)
    except ConfigurationError as error:
        parser.error(str(error))
    write(result, chosen.output)
    for name, value in result.summary().items():
        print(f'{name}: {value:.6g}' if isinstance(value, float) else f'{name}: {value}')


if __name__ == '__main__':
    main()
