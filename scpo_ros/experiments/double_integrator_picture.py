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

"""The picture of a double-integrator run: loss, phase plane, and policy over the safe set."""

import numpy as np
from scpo_ros.experiments.double_integrator_result import DoubleIntegratorResult
from scpo_ros.recording.figures import Axes, Figure, own_style
from scpo_ros.systems.scenario import extreme

_BLUE, _ORANGE, _RED, _GREY = '#0072b2', '#e69f00', '#d55e00', '#777777'
_STARTS = 16


@own_style()
def draw(result: DoubleIntegratorResult) -> Figure:
    """Return the figure of a DoubleIntegratorResult."""
    figure = Figure(figsize=(15, 4.5), layout='constrained')
    loss, plane, law = figure.subplots(1, 3, width_ratios=[1, 1.2, 1])
    _loss(loss, result)
    _plane(plane, result)
    _law(law, result)
    figure.suptitle(
        f'{result.method}, expert {result.expert}, seed {result.seed}: {result.accepted} of '
        f'{result.updates} updates accepted, {result.unsafe_iterates} unsafe iterates, '
        f'{100 * result.gap_closed:.1f} % of the gap closed, {result.held_out_violations} of '
        f'{result.held_out_states} held-out starts violate')
    return figure


def _loss(axis: Axes, result: DoubleIntegratorResult) -> None:
    axis.semilogy(result.losses, color=_BLUE, label='policy')
    axis.axhline(max(result.loss_optimum, 1e-6), color=_GREY, linestyle='--',
                 label=f'constrained optimum {result.loss_optimum:.4f}')
    axis.set(title='imitation loss', xlabel='update')
    axis.legend(fontsize='small')


def _plane(axis: Axes, result: DoubleIntegratorResult) -> None:
    task = result.problem.task
    corners = np.vstack([task.safe_set.vertices, task.safe_set.vertices[:1]])
    axis.fill(*corners.T, color=_GREY, alpha=0.15, label='safe set C')
    starts = task.safe_set.boundary(_STARTS) * (1 - 1e-6)
    for sign in (-1.0, 1.0):
        scenarios = extreme(task.system, starts, task.horizon, sign)
        for theta, colour, width in ((result.thetas[0], _ORANGE, 0.6),
                                     (result.thetas[-1], _BLUE, 0.9)):
            states, _ = task.simulator.trajectory(theta, scenarios.x0, scenarios.w)
            for path in states:
                axis.plot(*path.T, color=colour, linewidth=width)
    for low, high, line in ((result.system.state_lower[0], result.system.state_upper[0],
                             axis.axvline),
                            (result.system.state_lower[1], result.system.state_upper[1],
                             axis.axhline)):
        line(low, color=_RED)
        line(high, color=_RED)
    axis.plot([], [], color=_ORANGE, label='backup')
    axis.plot([], [], color=_BLUE, label='final policy')
    across, up = map(_axis, task.system.states.symbols, task.system.state_units)
    axis.set(title='worst constant disturbances', xlabel=across, ylabel=up)
    axis.legend(loc='upper right', fontsize='small')


def _axis(symbol: str, unit: str) -> str:
    return f'{symbol} [{unit}]'


def _law(axis: Axes, result: DoubleIntegratorResult) -> None:
    p = np.linspace(-1, 1, 401) * result.system.state_upper[0]
    states = np.column_stack([p, np.zeros_like(p)])
    axis.plot(p, np.asarray(result.problem.law(states))[:, 0], '--', color=_RED, label='expert')
    axis.plot(p, result.policy(result.thetas[0], states)[:, 0], color=_ORANGE, label='backup')
    axis.plot(p, result.policy(result.thetas[-1], states)[:, 0], color=_BLUE, label='policy')
    system = result.problem.task.system
    axis.set(title=f'input at {system.states.symbols[1]} = 0',
             xlabel=_axis(system.states.symbols[0], system.state_units[0]),
             ylabel=_axis(system.inputs.symbols[0], system.input_units[0]),
             ylim=(1.1 * result.system.input_lower[0], 1.1 * result.system.input_upper[0]))
    axis.legend(fontsize='small')
