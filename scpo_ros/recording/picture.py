"""The picture of a run: phase plane before and after, what the plant did, updates, time series."""

import matplotlib
import numpy as np


matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402, I100 - the backend comes first
from scpo_ros.health.known import identity, known  # noqa: E402


_BLUE, _ORANGE, _RED, _GREY = '#0072b2', '#e69f00', '#d55e00', '#777777'


def draw(record, task, summary):
    """
    Return the figure of a :class:`~scpo_ros.recording.run_record.RunRecord`.

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


def _count(number):
    return known(number, 'd')


def phase_plane(axis, task, theta, title, colour):
    """Draw limits, safe set and closed-loop trajectories from the boundary of the safe set."""
    _limits(axis, task)
    starts = task.safe_set.boundary(28) * (1 - 1e-6)
    w = np.zeros((len(starts), task.horizon, task.system.n))
    states, _ = task.simulator.trajectory(theta, starts, w)
    for x in states:
        axis.plot(x[:, 0], x[:, 1], color=colour, lw=0.9)
    axis.plot(starts[:, 0], starts[:, 1], '.', color=colour, ms=4)
    axis.set_title(title)


def _limits(axis, task):
    p, v = task.system.state_limit
    axis.plot([-p, p, p, -p, -p], [-v, -v, v, v, -v], 'k--', lw=1.2, label='limits')
    corners = np.vstack([task.safe_set.vertices, task.safe_set.vertices[:1]])
    axis.plot(corners[:, 0], corners[:, 1], color='green', lw=1.2, label='safe set')
    axis.set_xlabel('position p [m]')
    axis.set_ylabel('velocity v [m/s]')


def _visited(axis, record, task):
    _limits(axis, task)
    if record.states:
        x, episodes = np.array(record.states), np.array(record.episodes)
        for episode in np.unique(episodes):
            part = x[episodes == episode]
            axis.plot(part[:, 0], part[:, 1], color=_GREY, lw=0.8)
        p, v = task.system.state_limit
        for limit, seen, zoom in ((p, x[:, 0], axis.set_xlim), (v, x[:, 1], axis.set_ylim)):
            reach = 1.1 * np.clip(np.abs(seen).max(), limit, 4 * limit)
            zoom(-reach, reach)
    axis.set_title(f'what the plant did: {len(record.states)} samples, '
                   f'{record.violations} outside the limits')
    axis.legend(loc='upper right', fontsize=8)


def _history(axis, record):
    axis.set_title('updates')
    axis.set_xlabel('update')
    if not record.events:
        axis.text(0.5, 0.5, 'no update was made', ha='center', transform=axis.transAxes)
        return
    _, accepted, _, loss, worst = np.array(record.events).T
    number = np.arange(1, len(loss) + 1)
    good = np.diff(np.r_[0, accepted]) > 0
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


def _since_start(record, times):
    return np.asarray(times, dtype=float) - (record.times[0] if record.times else 0.0)


def _use_of_limits(axis, record, task):
    """Draw position, velocity and input over their limits against time."""
    axis.set_title('position, velocity and input, over their limits')
    axis.set_xlabel('time of the plant [s]')
    if record.states:
        system, time = task.system, _since_start(record, record.times)
        table = np.column_stack([np.array(record.states) / system.state_limit,
                                 np.array(record.applied) / system.input_limit[0]])
        breaks = np.flatnonzero(np.diff(record.episodes)) + 1
        rows = np.insert(table, breaks, np.nan, axis=0)  # an episode's end is no motion
        for column, name, colour in zip(rows.T, ('p', 'v', 'u'), (_BLUE, _ORANGE, _GREY)):
            axis.plot(np.insert(time, breaks, time[breaks]), column, color=colour, lw=0.9,
                      label=name, zorder=1 if name == 'u' else 2)
        reach = 1.1 * np.clip(np.nanmax(np.abs(table)), 1.0, 4.0)
        axis.set_ylim(-reach, reach)
        axis.legend(loc='upper right', fontsize=8, ncols=3)
    for limit in (-1, 1):
        axis.axhline(limit, color='k', lw=1.2, ls='--')


def _versions(axis, record):
    """Draw the version that ran, those that were published, and those that were refused."""
    axis.set_title('policies: published, and the version that ran')
    axis.set_xlabel('time of the plant [s]')
    axis.set_ylabel('version')
    axis.plot(_since_start(record, record.published), [p.version for p in record.policies], '.',
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
