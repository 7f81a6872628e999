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

"""Slices of the safe set, two states at a time."""

from collections.abc import Sequence
import itertools
import os
from typing import TYPE_CHECKING

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.sets.system_set import DesignedPart
from scpo_ros.systems.system import System

if TYPE_CHECKING:
    from scpo_ros.recording.figures import Axes

_PANELS = 9
_COLUMNS = 3
_ANGLES = 120


def outline(part: DesignedPart, first: int, second: int) -> Array:
    """Return the boundary (k, 2) of the slice in which all other states of the part are 0."""
    angles = np.linspace(0, 2 * np.pi, _ANGLES)
    rays = np.zeros((_ANGLES, part.block.n))
    rays[:, first], rays[:, second] = np.cos(angles), np.sin(angles)
    points = rays / part.safe_set.gauge(rays)[:, None] * part.block.scale
    return points[:, [first, second]]


def draw(system: System, parts: Sequence[DesignedPart], path: str | os.PathLike[str]) -> None:
    """
    Write a picture of slices of the safe set through 0, with the limits as its frame.

    :raises OSError: when the file cannot be written. :raises ValueError: for an unknown format.
    """
    from scpo_ros.recording.figures import own_style, plt  # a second to import
    panels = [(part, pair) for part in parts
              for pair in itertools.combinations(range(part.block.n), 2)][:_PANELS]
    rows, columns = -(-len(panels) // _COLUMNS), min(_COLUMNS, len(panels))
    with own_style():
        figure, grid = plt.subplots(rows, columns, squeeze=False, layout='constrained',
                                    figsize=(4 * columns, 3.4 * rows))
        try:
            for axis, (part, pair) in zip(grid.ravel(), panels):
                _panel(axis, system, part, pair)
            for axis in grid.ravel()[len(panels):]:
                axis.set_axis_off()
            figure.suptitle(f'{system.name}: slices of the safe set, the other states at 0')
            figure.savefig(path, dpi=110)
        finally:
            plt.close(figure)


def _panel(axis: 'Axes', system: System, part: DesignedPart, pair: tuple[int, int]) -> None:
    """Draw the slice of two states of a part, with their limits as the frame."""
    line, places = outline(part, *pair), part.block.states[list(pair)]
    axis.fill(line[:, 0], line[:, 1], alpha=0.3)
    axis.plot(line[:, 0], line[:, 1])
    first, second = (system.description.states[place] for place in places)
    axis.set_xlabel(f'{first.name} [{first.unit}]')
    axis.set_ylabel(f'{second.name} [{second.unit}]')
    width, height = part.block.scale[list(pair)]
    axis.set_xlim(max(first.lower, -width), min(first.upper, width))
    axis.set_ylim(max(second.lower, -height), min(second.upper, height))
