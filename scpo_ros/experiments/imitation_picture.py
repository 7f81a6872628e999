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

"""The picture of an imitation run on a described system: loss, states and inputs over time."""

from functools import partial

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.experiments.imitation_judgement import held_out_scenarios
from scpo_ros.experiments.imitation_result import ImitationResult
from scpo_ros.recording.figures import Axes, Figure, own_style
from scpo_ros.simulation.rollout import trajectory
from scpo_ros.systems.system import System

_BLUE, _ORANGE, _RED = '#0072b2', '#e69f00', '#d55e00'
_STARTS = 12
_SEED = 5


@own_style()
def draw(result: ImitationResult, system: System) -> Figure:
    """
    Return the figure of a run.

    Every state and input has a panel of its own, with its name, unit and limits; all panels show
    the same 12 held-out starts, from the backup and from the final policy.
    """
    panels = 1 + system.n + system.m
    columns = min(4, panels)
    rows = -(-panels // columns)
    figure = Figure(figsize=(4.2 * columns, 2.9 * rows), layout='constrained')
    axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
    axes[0].plot(result.losses, color=_BLUE)
    axes[0].set(title='imitation loss', xlabel='update', yscale='log')
    _signals(axes[1:panels], result, system)
    for axis in axes[panels:]:
        axis.set_axis_off()
    gap = '' if result.gap_closed is None else f', {result.gap_closed:.0%} of the cost gap closed'
    figure.suptitle(
        f'{result.system_name}, expert {result.expert}, {result.certificate_kind}: '
        f'{result.accepted} of {result.updates} updates accepted{gap}, '
        f'{result.held_out_violations} of {result.held_out_states} held-out starts violate, '
        f'filter acts at {result.filter_share:.2%} of the steps')
    return figure


def _signals(axes: Array, result: ImitationResult, system: System) -> None:
    scenarios = held_out_scenarios(result.case, system, _STARTS, (_SEED,))
    times = np.arange(scenarios.horizon + 1) * system.dt
    for theta, colour, name in ((result.thetas[0], _ORANGE, 'backup'),
                                (result.thetas[-1], _BLUE, 'final policy')):
        states, inputs = trajectory(
            partial(result.policy, theta), system, scenarios.x0, scenarios.w)
        for axis, signal in zip(axes, states.transpose(2, 1, 0)):
            axis.plot(times, signal, color=colour, linewidth=0.7)
        for axis, signal in zip(axes[system.n:], inputs.transpose(2, 1, 0)):
            axis.plot(times[:-1], signal, color=colour, linewidth=0.7)
        axes[0].plot([], [], color=colour, label=name)
    frames = [(f'{state.name} [{state.unit}]', state.lower, state.upper)
              for state in system.description.states]
    frames += [(f'{given.name} [{given.unit}]', given.lower, given.upper)
               for given in system.description.inputs]
    for axis, (label, lower, upper) in zip(axes, frames):
        _frame(axis, label, (lower, upper))
    axes[0].legend(fontsize='small')


def _frame(axis: Axes, label: str, limits: tuple[float, float]) -> None:
    for limit in filter(np.isfinite, limits):
        axis.axhline(limit, color=_RED, linewidth=0.8)
    axis.set(ylabel=label, xlabel='time [s]')
