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

"""The pictures of the comparison."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from scpo_ros.experiments.comparison_measures import (
    gaps_of, grouped, Record, Reference, references)
from scpo_ros.recording.figures import Axes, Figure, own_style

_COLOURS = ('#0072b2', '#56b4e9', '#009e73', '#d55e00', '#cc79a7', '#e69f00', '#777777',
            '#000000', '#b8a000', '#882255', '#6f3f00')


def _curves(axis: Axes, groups: Mapping[str, Sequence[Record]],
            known: Mapping[tuple[str, bool], Reference]) -> None:
    """Draw the gap closed by every group: median, and the range over its runs."""
    for colour, (label, group) in zip(cycle(_COLOURS), groups.items()):
        curves = np.array(gaps_of(group, known))
        axis.plot(np.median(curves, axis=0), color=colour, label=label)
        axis.fill_between(np.arange(curves.shape[1]), curves.min(axis=0), curves.max(axis=0),
                          color=colour, alpha=0.12, linewidth=0)
    axis.set(xlabel='update', ylim=(-0.05, 1.05))
    axis.legend(fontsize='x-small', loc='lower right')


@own_style()
def draw_methods(records: Sequence[Record]) -> Figure:
    """Return the gap closed by every method; in the legend the share of unsafe iterates."""
    known = references(records)
    experts = sorted({r['expert'] for r in records
                      if r['method'] != 'scpo' and not r['no_regret']})
    figure = Figure(figsize=(11, 4), layout='constrained')
    for axis, expert in zip(np.atleast_1d(figure.subplots(1, max(len(experts), 1))), experts):
        groups: dict[str, list[Record]] = {}
        for method in dict.fromkeys(r['method'] for r in records):
            group = [r for r in records if (r['expert'], r['method'], r['no_regret'])
                     == (expert, method, False)]
            if group:
                unsafe = sum(r['unsafe_iterates'] for r in group)
                total = sum(r['accepted'] + 1 for r in group)
                groups[f'{method}: {100 * unsafe / total:.0f} % unsafe'] = group
        _curves(axis, groups, known)
        axis.set(title=expert, ylabel='part of the gap closed')
    return figure


@own_style()
def draw_experts(records: Sequence[Record]) -> Figure:
    """Return the gap closed by SCPO under every expert, baseline cost on and off."""
    known = references(records)
    figure = Figure(figsize=(11, 4), layout='constrained')
    for axis, on in zip(figure.subplots(1, 2), (True, False)):
        chosen = [r for r in records if r['method'] == 'scpo' and r['no_regret'] == on]
        _curves(axis, grouped(chosen, lambda record: record['expert']), known)
        axis.set(title=f'SCPO, baseline cost {"on" if on else "off"}',
                 ylabel='part of the gap closed')
    return figure
