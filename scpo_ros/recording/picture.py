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
from scpo_ros.systems.model import Model
from scpo_ros.verification.safe_task import SafeTask


_BLUE, _ORANGE, _RED, _GREY = '#0072b2', '#e69f00', '#d55e00', '#777777'
_STARTS = 28  # trajectories of a phase plane
_COLOURS, _STYLES = 10, ('-', '--', ':', '-.')  # lines of one style, and the next styles
_NAMED = 24  # lines that are named in a legend, at most
_LONGEST = 40  # letters of the names in a title, at most


@own_style()
def picture(record: RunRecord, task: SafeTask, summary: RunSummary) -> bytes:
    """Return the picture of a run as the bytes of a PNG file; as :func:`draw`."""
    figure = draw(record, task, summary)
    try:
        image = BytesIO()
        figure.savefig(image, format='png', dpi=120)
        return image.getvalue()
    finally:
        plt.close(figure)


@own_style()
def draw(record: RunRecord, task: SafeTask, summary: RunSummary) -> Figure:
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


def phase_plane(axis: Axes, task: SafeTask, theta: Array, title: str, colour: str) -> None:
    """Draw limits, safe set and closed-loop trajectories from the boundary of the safe set."""
    _limits(axis, task)
    starts, (i, j) = _starts(task), task.system.plane
    w = np.zeros((len(starts), task.horizon, task.system.n))
    states, _ = task.simulator.trajectory(theta, starts, w)
    for x in states:
        axis.plot(x[:, i], x[:, j], color=colour, lw=0.9)
    axis.plot(starts[:, i], starts[:, j], '.', color=colour, ms=4)
    axis.set_title(title)


def _starts(task: SafeTask) -> Array:
    """Return states (k, n) of the boundary of C; other states than those of the plane are 0."""
    if task.system.n == 2:
        return task.safe_set.boundary(_STARTS) * (1 - 1e-6)
    corners = task.outline[np.linspace(0, len(task.outline), _STARTS, endpoint=False, dtype=int)]
    starts = np.zeros((_STARTS, task.system.n))
    starts[:, task.system.plane] = corners * (1 - 1e-6)
    return starts


def _limits(axis: Axes, task: SafeTask) -> None:
    """Draw the limits of the two states of the plane, and the safe set where the others are 0."""
    system, (i, j) = task.system, task.system.plane
    plant = system.plant
    (p, q), (v, w) = ((plant.state_lower[k], plant.state_upper[k]) for k in (i, j))
    if np.all(np.isfinite([p, q, v, w])):
        axis.plot([p, q, q, p, p], [v, v, w, w, v], 'k--', lw=1.2, label='limits')
    else:
        for line, limits in ((axis.axvline, (p, q)), (axis.axhline, (v, w))):
            for limit in limits:
                if np.isfinite(limit):
                    line(limit, color='k', ls='--', lw=1.2)
    corners = np.vstack([task.outline, task.outline[:1]])
    axis.plot(corners[:, 0], corners[:, 1], color='green', lw=1.2, label='safe set' if (
        system.n == 2) else 'safe set where the other states are 0')
    axis.set_xlabel(system.states.axes[i])
    axis.set_ylabel(system.states.axes[j])


def _visited(axis: Axes, record: RunRecord, task: SafeTask) -> None:
    """Draw the states that the plant visited."""
    _limits(axis, task)
    plane = list(task.system.plane)
    if record.states:
        x = np.array([state.x[plane] for state in record.states])
        episodes = np.array([state.episode for state in record.states])
        for episode in np.unique(episodes):
            part = x[episodes == episode]
            axis.plot(part[:, 0], part[:, 1], color=_GREY, lw=0.8)
        p, v = task.system.state_scale[plane]
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


def _use_of_limits(axis: Axes, record: RunRecord, task: SafeTask) -> None:
    """Draw states and inputs over their limits against time."""
    system = task.system
    names = ', '.join(system.states.names)
    axis.set_title(f'{names if len(names) <= _LONGEST else f"{system.n} states"} and '
                   f'input{"s" * (system.m > 1)}, over their limits')
    axis.set_xlabel('time of the plant [s]')
    if record.states:
        states = record.states
        time = _since_start(record, [state.time for state in states])
        applied = np.array([state.applied for state in states])
        table = np.column_stack([
            system.use_of_limits(np.array([state.x for state in states])),
            np.where(applied > 0, applied / system.input_upper, -applied / system.input_lower)])
        breaks = np.flatnonzero(np.diff([state.episode for state in states])) + 1
        rows = np.insert(table, breaks, np.nan, axis=0)  # an episode's end is no motion
        symbols = (*system.states.symbols, *system.inputs.symbols)
        for number, (column, name, (colour, style)) in enumerate(
                zip(rows.T, symbols, _lines(system))):
            axis.plot(np.insert(time, breaks, time[breaks]), column, style, color=colour, lw=0.9,
                      label=name, zorder=2 if number < system.n else 1)
        reach = 1.1 * np.clip(_largest(table), 1.0, 4.0)
        axis.set_ylim(-reach, reach)
        _named_lines(axis, len(symbols))
    for limit in (-1, 1):
        axis.axhline(limit, color='k', lw=1.2, ls='--')


def _lines(system: Model) -> list[tuple[str, str]]:
    """Return colour and style of the line of every state, then of every input."""
    coloured = (_BLUE, _ORANGE, *(f'C{number}' for number in range(2, _COLOURS)))
    return [(coloured[i % _COLOURS], _STYLES[i // _COLOURS % len(_STYLES)])
            for i in range(system.n)] + [
                (_GREY, _STYLES[j % len(_STYLES)]) for j in range(system.m)]


def _named_lines(axis: Axes, count: int) -> None:
    """Name the lines: few of them inside the axis, many in columns that lie over less of it."""
    if count <= 6:
        axis.legend(loc='upper right', fontsize=8, ncols=3)
        return
    handles, labels = axis.get_legend_handles_labels()
    if count > _NAMED:
        labels = [*labels[:_NAMED - 1], f'and {count - _NAMED + 1} more']
    axis.legend(handles[:_NAMED], labels, loc='upper right', fontsize=6, ncols=6,
                handlelength=1.2, columnspacing=0.8, labelspacing=0.2)


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
