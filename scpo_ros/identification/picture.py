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

"""A picture of the residuals: over the recording, and how often each size occurs."""

import os
from typing import TYPE_CHECKING

import numpy as np
from scpo_ros.identification.identified import Identified

if TYPE_CHECKING:
    from scpo_ros.recording.figures import Axes

_BINS = 60


def draw_residuals(found: Identified, path: str | os.PathLike[str]) -> None:
    """
    Write a picture of the residuals of the model, with the half-widths of the disturbance.

    :raises OSError: when the file cannot be written. :raises ValueError: for an unknown format.
    """
    from scpo_ros.recording.figures import own_style, plt  # a second to import
    n = found.draft.n
    with own_style():
        figure, grid = plt.subplots(n, 2, squeeze=False, layout='constrained',
                                    figsize=(10, 2.2 * n), width_ratios=(3, 1))
        try:
            for row in range(n):
                _panels(grid[row, 0], grid[row, 1], found, row)
            grid[-1, 0].set_xlabel('transition')
            grid[-1, 1].set_xlabel('how many')
            figure.suptitle(f'{found.draft.name} from {found.record.source}: what the model '
                            'leaves of each step')
            figure.savefig(path, dpi=110)
        finally:
            plt.close(figure)


def _panels(over_time: 'Axes', counts: 'Axes', found: Identified, row: int) -> None:
    """Draw the residuals of one state. :param counts: shows how often each size occurs."""
    entry, values = found.draft.states[row], found.fit.model_residuals(found.data)[:, row]
    over_time.plot(values, '.', markersize=2)
    breaks = np.flatnonzero(np.diff(found.data.run)) + 1
    for place in breaks.tolist() if len(breaks) <= 50 else []:
        over_time.axvline(place, color='0.85', linewidth=0.5, zorder=0)
    counts.hist(values, bins=_BINS, orientation='horizontal')
    for axis in (over_time, counts):
        for sign in (-1, 1):
            axis.axhline(sign * found.bound.total[row], color='tab:red', linewidth=1)
            axis.axhline(sign * found.bound.observed[row], color='tab:orange', linewidth=1,
                         linestyle='--')
    over_time.set_ylabel(f'{entry.name} [{entry.unit}]')
