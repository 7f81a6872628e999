"""
The table of a piecewise affine law: critical regions sorted into the cells of a grid.

A cell is of one of four kinds, each exact on all of it:

* *outside*: no region touches it.
* *plain*: one law holds on all of it (:mod:`scpo_ros.backup.planar.merged_laws`).
* *bent*: the law is the maximum (bend 1) or the minimum (bend -1) of its candidates' laws.
* *tested*: a query must find its region among the candidates (the KKT conditions).
"""

from dataclasses import dataclass, fields

import numpy as np

OUTSIDE, MIXED = -1, -2
INSIDE = 1e-12  # distance beyond a facet that still counts as inside: far below 1e-9 in u
_AT_ONCE = 512  # states whose candidates are tested at once; bounds memory
_TOUCH = 1e-9  # distance at which a region counts as touching a cell


@dataclass(frozen=True, eq=False)
class LawTable:
    """Arrays only: what is cached, and all that a query needs."""

    slopes: np.ndarray  # (R, 3): u = slope'x + offset
    facets: np.ndarray  # (R, f, 3): normal'x <= bound, padded with 0'x <= 1
    codes: np.ndarray  # (width, width): region, OUTSIDE, or MIXED - row; the rim is OUTSIDE
    candidates: np.ndarray  # (rows, c), padded with -1; of bent cells one region for each law
    bends: np.ndarray  # (rows,): 1, -1, or 0 for tested
    low: np.ndarray  # (2,): lower corner of the grid, rim included
    size: np.ndarray  # (2,): of a cell

    @classmethod
    def names(cls):
        """Return the names of the arrays."""
        return tuple(entry.name for entry in fields(cls))

    def cell(self, p, v):
        """Return the flat cell numbers of states; those off the grid, NaN too, on the rim."""
        number, last = None, self.codes.shape[1] - 1.0
        for x, low, size in zip((p, v), self.low, self.size):
            at = x - low
            at *= 1.0 / size
            np.fmax(at, 0.0, out=at)  # NaN becomes 0
            np.fmin(at, last, out=at)
            at = at.astype(np.intp)
            number = at if number is None else number * self.codes.shape[1] + at
        return number

    def corners(self, cells):
        """Return where the corners of cells (m,) lie, (m, 4, 2)."""
        at = np.stack(np.divmod(cells, self.codes.shape[1]), axis=-1)[:, None]
        return self.low + (at + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])) * self.size

    def find(self, points, codes):
        """
        Return the region (m,) around each point, by its cell's candidates; -1 where there is none.

        :param points: (m, 2). :param codes: (m,), of their cells, all <= MIXED.
        """
        found = np.full(len(points), -1)
        for part in range(0, len(points), _AT_ONCE):
            rows = self.candidates[MIXED - codes[part:part + _AT_ONCE]]
            at, slot = np.nonzero(rows >= 0)
            region, at = rows[at, slot], at + part
            facets, x = self.facets[region], points[at]
            excess = facets[:, :, 0] * x[:, :1]
            excess += facets[:, :, 1] * x[:, 1:]
            excess -= facets[:, :, 2]
            hit = np.flatnonzero(excess.max(axis=1) <= INSIDE)
            found[at[hit]] = region[hit]
        return found


def build_table(regions, safe_set, cells):
    """
    Return the table in which every cell that does not lie in one region is tested.

    :param regions: list of CriticalRegion. :param cells: grid cells along each axis.
    """
    most = max(len(region.facets) for region in regions)
    facets = np.tile([0.0, 0.0, 1.0], (len(regions), most, 1))
    for i, region in enumerate(regions):
        facets[i, :len(region.facets)] = region.facets
    slopes = np.array([[*region.slope, region.offset] for region in regions])
    corners = safe_set.vertices
    size = (corners.max(axis=0) - corners.min(axis=0)) * (1 + 1e-12) / cells
    low = corners.min(axis=0) - size
    touched, whole = _touched(regions, low, size, cells)
    codes = np.full((cells + 2) ** 2, OUTSIDE, dtype=np.int32)
    codes[whole[0]] = whole[1]
    cell, region = touched[:, codes[touched[0]] == OUTSIDE]
    order = np.lexsort((region, cell))
    cell, region = cell[order], region[order]
    mixed, first, counts = np.unique(cell, return_index=True, return_counts=True)
    candidates = np.full((len(mixed), counts.max(initial=1)), -1, dtype=np.int32)
    candidates[np.repeat(np.arange(len(mixed)), counts),
               np.arange(len(cell)) - np.repeat(first, counts)] = region
    codes[mixed] = MIXED - np.arange(len(mixed))
    return LawTable(slopes, facets, codes.reshape(cells + 2, -1), candidates,
                    np.zeros(len(mixed), dtype=np.int8), low, size)


def _touched(regions, low, size, cells):
    """Return (cell, region) pairs, (2, m) each: of touching, and of all corners in a region."""
    touched, whole = [], []
    for index, region in enumerate(regions):
        first = np.floor((region.vertices.min(axis=0) - low) / size - 1e-6).astype(int)
        last = np.floor((region.vertices.max(axis=0) - low) / size + 1e-6).astype(int)
        (left, bottom), (right, top) = np.clip(first, 1, cells), np.clip(last, 1, cells) + 1
        # excess of every grid point between over every facet, (facets, points)
        x, y = (low[0] + np.arange(left, right + 1) * size[0],
                low[1] + np.arange(bottom, top + 1) * size[1])
        normals = region.facets[:, :, None, None]
        excess = normals[:, 0] * x[:, None] + normals[:, 1] * y - normals[:, 2]
        corners = (excess[:, :-1, :-1], excess[:, 1:, :-1], excess[:, :-1, 1:], excess[:, 1:, 1:])
        nearest, farthest = np.minimum.reduce(corners), np.maximum.reduce(corners)
        number = np.arange(left, right)[:, None] * (cells + 2) + np.arange(bottom, top)
        for pairs, chosen in ((touched, np.all(nearest <= _TOUCH, axis=0)),
                              (whole, np.all(farthest <= 0, axis=0))):
            cell = number[chosen]
            pairs.append(np.stack([cell, np.full(len(cell), index)]))
    return np.concatenate(touched, axis=1), np.concatenate(whole, axis=1)
