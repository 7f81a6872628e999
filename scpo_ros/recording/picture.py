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

"""The picture of a run: phase plane before and after, motion, updates, time series."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.health.known import identity, known
from scpo_ros.recording.figures import Axes, Figure, own_style, plt
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import RunSummary
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.verification.task import ControlTask


_BLUE, _ORANGE, _RED, _GREY = '#0072b2', '#e69f00', '#d55e00', '#777777'


@own_style()
def picture(record: RunRecord, task: ControlTask, summary: RunSummary) -> bytes:
    """Return the picture of a run as the bytes of a PNG file; as :func:`draw`."""
    figure = draw(record, task, summary)
    try:
        image = BytesIO()
        figure.savefig(image, format='png', dpi=120)
        return image.getvalue()
    finally:
        plt.close(figure)


@own_style()
def draw(record: RunRecord, task: ControlTask, summary: RunSummary) -> Figure:
    """
    Return the figure of a run; the caller closes it.

    :param summary: its numbers, with 'expert' and 'seed'.
    """
    figure, axes = plt.subplots(3, 2, figsize=(12, 12), constrained_layout=True,
                                height_ratios=[1.2, 1.2, 0.8])
    initial = task.initial_theta
    phase_plane(axes[0, 0], task, initial, f'before: the backup, task cost '
                f'{summary["task_cost_backup"]:.4f}', _ORANGE)
    if record.running is None:
        _limits(axes[0, 1], task)
        axes[0, 1].set_title('after: what ran at the end is not known')
    else:
        phase_plane(axes[0, 1], task, record.running.theta, f'after: policy '
                    f'{summary["policy_version_controller"]}, task cost '
                    f'{summary["task_cost_final"]:.4f}', _BLUE)
    _visited(axes[1, 0], record, task)
    _history(axes[1, 1], record)
    _use_of_limits(axes[2, 0], record, task)
    _versions(axes[2, 1], record)
    figure.suptitle(
        f'{identity(summary)}: '
        f'updates accepted: {_count(summary["updates_accepted"])}, refused: '
        f'{_count(summary["updates_refused"])}, limit violations: '
        f'{_count(summary["limit_violations"])}, guard interventions: '
        f'{_count(summary["guard_interventions"])}')
    return figure


def _count(number: int | None) -> str:
    return known(number, 'd')


def phase_plane(axis: Axes, task: ControlTask, theta: Array, title: str, colour: str) -> None:
    """Draw limits, safe set and closed-loop trajectories from the boundary of the safe set."""
    _limits(axis, task)
    starts = task.safe_set.boundary(28) * (1 - 1e-6)
    w = np.zeros((len(starts), task.horizon, task.system.n))
    states, _ = task.simulator.trajectory(theta, starts, w)
    for x in states:
        axis.plot(x[:, 0], x[:, 1], color=colour, lw=0.9)
    axis.plot(starts[:, 0], starts[:, 1], '.', color=colour, ms=4)
    axis.set_title(title)


def _limits(axis: Axes, task: ControlTask) -> None:
    """Draw the limits of the first two states, and the safe set where these are all."""
    p, v = task.system.state_limit[:2]
    axis.plot([-p, p, p, -p, -p], [-v, -v, v, v, -v], 'k--', lw=1.2, label='limits')
    if task.system.n == 2:
        corners = np.vstack([task.safe_set.vertices, task.safe_set.vertices[:1]])
        axis.plot(corners[:, 0], corners[:, 1], color='green', lw=1.2, label='safe set')
    across, up, *_ = task.system.states.axes
    axis.set_xlabel(across)
    axis.set_ylabel(up)


def _visited(axis: Axes, record: RunRecord, task: ControlTask) -> None:
    """Draw the states that the plant visited."""
    _limits(axis, task)
    if record.states:
        x = np.array([state.x for state in record.states])
        episodes = np.array([state.episode for state in record.states])
        for episode in np.unique(episodes):
            part = x[episodes == episode]
            axis.plot(part[:, 0], part[:, 1], color=_GREY, lw=0.8)
        p, v = task.system.state_limit[:2]
        for limit, seen, zoom in ((p, x[:, 0], axis.set_xlim), (v, x[:, 1], axis.set_ylim)):
            reach = 1.1 * np.clip(_largest(seen), limit, 4 * limit)
            zoom(-reach, reach)
        axis.set_title(f'what the plant did: {len(record.states)} samples, '
                       f'{_count(record.known_violations)} outside the limits')
    else:
        axis.set_title('what the plant did: no state was seen')
    axis.legend(loc='upper right', fontsize=8)


def _largest(numbers: Array) -> float:
    """Return the largest magnitude among the numbers that are finite, 0 without one."""
    return float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))


def _history(axis: Axes, record: RunRecord) -> None:
    """Draw imitation loss and worst metric after each update."""
    axis.set_title('updates')
    axis.set_xlabel('update')
    if not record.numbers.updates:
        axis.text(0.5, 0.5, 'no update was made', ha='center', transform=axis.transAxes)
        return
    _, accepted, _, loss, worst = np.array(record.numbers.updates).T
    number = np.arange(1, len(loss) + 1)
    good = np.diff(np.r_[0, np.nan_to_num(accepted)]) > 0
    axis.plot(number, loss, color=_BLUE, lw=1)
    axis.plot(number[good], loss[good], '.', color=_BLUE, label='accepted')
    axis.plot(number[~good], loss[~good], 'x', color=_RED, label='refused')
    axis.set_ylabel('imitation loss', color=_BLUE)
    axis.set_ylim(bottom=0)
    axis.legend(loc='upper right', fontsize=8)
    twin = axis.twinx()
    twin.plot(number, worst, color=_ORANGE, lw=1)
    twin.axhline(0, color='k', lw=0.8, ls=':')
    unknown = np.isnan(worst)
    for at in number[unknown]:
        twin.axvspan(at - 0.5, at + 0.5, color=_RED, alpha=0.15, lw=0)
    label = 'worst safety metric (safe below 0)'
    twin.set_ylabel(f'{label}; red: not certified' if np.any(unknown) else label, color=_ORANGE)


def _since_start(record: RunRecord, times: Sequence[float]) -> Array:
    """Return times of the plant [s] since its first state."""
    return np.asarray(times, dtype=float) - record.start


def _use_of_limits(axis: Axes, record: RunRecord, task: ControlTask) -> None:
    """Draw states and inputs over their limits against time."""
    system = task.system
    axis.set_title(f'{", ".join(system.state_names)} and input{"s" * (system.m > 1)}, over their '
                   'limits')
    axis.set_xlabel('time of the plant [s]')
    if record.states:
        states = record.states
        time = _since_start(record, [state.time for state in states])
        table = np.column_stack([np.array([state.x for state in states]) / system.state_limit,
                                 np.array([state.applied for state in states])
                                 / system.input_limit])
        breaks = np.flatnonzero(np.diff([state.episode for state in states])) + 1
        rows = np.insert(table, breaks, np.nan, axis=0)  # an episode's end is no motion
        names = (*system.states.symbols, *system.inputs.symbols)
        for number, (column, name, colour) in enumerate(zip(rows.T, names, _colours(system))):
            axis.plot(np.insert(time, breaks, time[breaks]), column, color=colour, lw=0.9,
                      label=name, zorder=2 if number < system.n else 1)
        reach = 1.1 * np.clip(_largest(table), 1.0, 4.0)
        axis.set_ylim(-reach, reach)
        axis.legend(loc='upper right', fontsize=8, ncols=3)
    for limit in (-1, 1):
        axis.axhline(limit, color='k', lw=1.2, ls='--')


def _colours(system: LinearSystem) -> list[str]:
    """Return a colour for every state, then one for every input."""
    coloured = (_BLUE, _ORANGE, *(f'C{number}' for number in range(2, 10)))
    return [coloured[i % len(coloured)] for i in range(system.n)] + [_GREY] * system.m


def _versions(axis: Axes, record: RunRecord) -> None:
    """Draw the version that ran, those that were published, and those that were refused."""
    axis.set_title('policies: published, and the version that ran')
    axis.set_xlabel('time of the plant [s]')
    axis.set_ylabel('version')
    axis.plot(_since_start(record, [published.time for published in record.published]),
              [published.policy.version for published in record.published], '.',
              color=_ORANGE, ms=4, label='published')
    commands = [record.commands[time] for time in sorted(record.commands)]
    axis.step(_since_start(record, [c.time for c in commands]), [c.version for c in commands],
              color=_BLUE, lw=1.2, where='post', label='ran')
    refused = {seen.refusals: (time, seen.refused) for time, seen in record.acknowledged
               if seen.refusals}
    if refused:
        times, versions = zip(*refused.values())
        axis.plot(_since_start(record, times), versions, 'x', color=_RED,
                  label='refused by the controller')
    axis.legend(loc='upper left', fontsize=8)
