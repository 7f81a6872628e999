"""The pictures of the comparison."""

from itertools import cycle

from matplotlib.figure import Figure
import numpy as np
from scpo_ros.experiments.comparison_page import gaps, references

_COLOURS = ('#0072b2', '#56b4e9', '#009e73', '#d55e00', '#cc79a7', '#e69f00', '#777777',
            '#000000', '#b8a000', '#882255', '#6f3f00')


def _curves(axis, groups, known):
    for colour, ((expert, label, regret), group) in zip(cycle(_COLOURS), groups.items()):
        curves = np.array([gaps(r, known[expert, regret]) for r in group])
        axis.plot(np.median(curves, axis=0), color=colour, label=label)
        axis.fill_between(np.arange(curves.shape[1]), curves.min(axis=0), curves.max(axis=0),
                          color=colour, alpha=0.12, linewidth=0)
    axis.set(xlabel='update', ylim=(-0.05, 1.05))
    axis.legend(fontsize='x-small', loc='lower right')


def draw_methods(records):
    """Return the gap closed by every method; in the legend the share of unsafe iterates."""
    known = references(records)
    experts = sorted({r['expert'] for r in records
                      if r['method'] != 'scpo' and not r['no_regret']})
    figure = Figure(figsize=(11, 4), layout='constrained')
    for axis, expert in zip(np.atleast_1d(figure.subplots(1, max(len(experts), 1))), experts):
        groups = {}
        for method in dict.fromkeys(r['method'] for r in records):
            group = [r for r in records if (r['expert'], r['method'], r['no_regret'])
                     == (expert, method, False)]
            if group:
                unsafe = sum(r['unsafe_iterates'] for r in group)
                total = sum(r['accepted'] + 1 for r in group)
                groups[expert, f'{method}: {100 * unsafe / total:.0f} % unsafe', False] = group
        _curves(axis, groups, known)
        axis.set(title=expert, ylabel='part of the gap closed')
    return figure


def draw_experts(records):
    """Return the gap closed by SCPO under every expert, no-regret on and off."""
    known = references(records)
    figure = Figure(figsize=(11, 4), layout='constrained')
    for axis, regret in zip(figure.subplots(1, 2), (True, False)):
        groups = {}
        for record in records:
            if record['method'] == 'scpo' and record['no_regret'] == regret:
                key = record['expert'], record['expert'], regret
                groups.setdefault(key, []).append(record)
        _curves(axis, groups, known)
        axis.set(title=f'SCPO, no-regret {"on" if regret else "off"}',
                 ylabel='part of the gap closed')
    return figure
