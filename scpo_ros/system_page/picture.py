"""Slices of the safe set, two states at a time."""

from collections.abc import Sequence
import itertools
import os

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.sets.system_set import DesignedPart
from scpo_ros.systems.system import System

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
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # a second to import
    from matplotlib.figure import Figure
    panels = [(part, pair) for part in parts
              for pair in itertools.combinations(range(part.block.n), 2)][:_PANELS]
    rows = -(-len(panels) // _COLUMNS)
    columns = min(_COLUMNS, len(panels))
    figure = Figure(figsize=(4 * columns, 3.4 * rows), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (part, (first, second)) in zip(axes, panels):
        entries = [system.description.states[part.block.states[i]] for i in (first, second)]
        line = outline(part, first, second)
        axis.fill(line[:, 0], line[:, 1], alpha=0.3)
        axis.plot(line[:, 0], line[:, 1])
        axis.set_xlabel(f'{entries[0].name} [{entries[0].unit}]')
        axis.set_ylabel(f'{entries[1].name} [{entries[1].unit}]')
        sizes = part.block.scale[[first, second]]
        axis.set_xlim(-sizes[0], sizes[0])
        axis.set_ylim(-sizes[1], sizes[1])
    for axis in axes[len(panels):]:
        axis.set_axis_off()
    figure.suptitle(f'{system.name}: slices of the safe set, the other states at 0')
    figure.savefig(path, dpi=110)
