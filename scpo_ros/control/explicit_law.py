"""
The backup's law at many states: an explicit table, exact by construction.

The law is affine on each critical region (:mod:`scpo_ros.control.critical_regions`). A query looks
up its grid cell. A cell all of whose corners lie in one region lies in it altogether, since
regions are convex, and needs no test. Elsewhere the candidate regions are tested (the KKT
conditions), and a state of the safe set that none of them contains is solved by the MPC's own
solver. Outside the safe set the answer is NaN.
"""

import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scpo_ros.arrays import digest
from scpo_ros.control.critical_regions import enumerate_regions

_FORMAT = 'explicit-law-2'
_INSIDE = 1e-12  # distance beyond a facet that still counts as inside: far below 1e-9 in u
_OUTSIDE, _MIXED = -1, -2


def default_cache():
    """Return the folder of cached tables: $XDG_CACHE_HOME/scpo_ros or ~/.cache/scpo_ros."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'scpo_ros'


class ExplicitLaw:
    """
    The piecewise affine law of an MPC over a two-dimensional safe set.

    `law(x)` maps states (..., 2) to inputs (..., 1); NaN outside the safe set.
    `law.fallbacks` counts the states that went to the solver.
    """

    def __init__(self, mpc, slopes, facets, codes, candidates, low, size):
        """Use :meth:`build` or :meth:`load_or_build`."""
        self.mpc, self.fallbacks = mpc, 0
        self.slopes = slopes  # (R, 3): u = slope'x + offset
        self.facets = facets  # (R, f, 3), padded with 0'x <= 1
        self.codes = codes  # (cells,): region, _OUTSIDE, or _MIXED - row of candidates
        self.candidates = candidates  # (mixed cells, c), padded with -1
        self.low, self.size = low, size  # (2,), (2,): lower corner of the grid, size of a cell
        self.cells = np.array([round(np.sqrt(len(codes)))] * 2)

    @classmethod
    def build(cls, mpc, cells=256, rng=None, progress=None):
        """
        Build the table.

        :param mpc: a :class:`BackupMpc`. :param cells: grid cells along each axis.
        :param progress: None or a callable of the covered fraction of the safe set.
        """
        rng = np.random.default_rng(0) if rng is None else rng
        regions = enumerate_regions(mpc, rng, progress=progress)
        width = max(len(r.facets) for r in regions)
        facets = np.tile([0.0, 0.0, 1.0], (len(regions), width, 1))
        for i, region in enumerate(regions):
            facets[i, :len(region.facets)] = region.facets
        slopes = np.array([[*r.slope, r.offset] for r in regions])
        corners = mpc.safe_set.vertices
        low = corners.min(axis=0)
        size = (corners.max(axis=0) - low) * (1 + 1e-12) / cells
        codes, candidates = _grid(regions, low, size, cells)
        return cls(mpc, slopes, facets, codes, candidates, low, size)

    @classmethod
    def load_or_build(cls, mpc, cells=256, cache=None, progress=None):
        """
        Load the table from the cache, or build it and put it there.

        The file's name is the digest of all the table depends on; it appears by renaming, so that
        a half-written file is never read. A damaged or unwritable cache costs a rebuild only.

        :param cache: folder; None for :func:`default_cache`.
        """
        key = digest(_FORMAT, mpc.qp.digest, mpc.safe_set.H, str(cells))
        path = Path(cache or default_cache()) / f'law-{key[:32]}.npz'
        names = ('slopes', 'facets', 'codes', 'candidates', 'low', 'size')
        try:
            with path.open('rb') as stream, np.load(stream) as data:
                return cls(mpc, *(data[name] for name in names))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            law = cls.build(mpc, cells, progress=progress)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f'{path.stem}.{os.getpid()}.npz')
            np.savez(partial, **{name: getattr(law, name) for name in names})
            os.replace(partial, path)
        except OSError:
            pass  # an unwritable cache only costs the next start some seconds
        return law

    def __call__(self, x):
        """Return the backup's inputs (..., 1) at the states x (..., 2)."""
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1, 2)
        codes = self._cell_codes(flat)
        row = self.slopes[np.maximum(codes, 0)]
        u = row[:, 0] * flat[:, 0] + row[:, 1] * flat[:, 1] + row[:, 2]
        if np.any(codes < 0):
            rest = np.flatnonzero(codes < 0)
            u[rest] = self._resolve(flat[rest], codes[rest])
        return u.reshape(x.shape[:-1] + (1,))

    def _cell_codes(self, x):
        at = (x - self.low) / self.size
        inside = np.all((at >= 0) & (at < self.cells), axis=1)  # NaN is not inside
        cell = np.where(inside[:, None], at, 0).astype(np.int64)
        codes = self.codes[cell[:, 0] * self.cells[1] + cell[:, 1]]
        return np.where(inside, codes, _OUTSIDE)

    def _resolve(self, x, codes):
        u = np.full(len(x), np.nan)
        open_ = np.flatnonzero(codes <= _MIXED)
        for slot in range(self.candidates.shape[1]):
            region = self.candidates[_MIXED - codes[open_], slot]
            open_, region = open_[region >= 0], region[region >= 0]
            if not len(open_):
                break
            facets, points = self.facets[region], x[open_]
            excess = (facets[:, :, 0] * points[:, :1] + facets[:, :, 1] * points[:, 1:]
                      - facets[:, :, 2])
            hit = np.all(excess <= _INSIDE, axis=1)
            row = self.slopes[region[hit]]
            u[open_[hit]] = np.sum(row[:, :2] * points[hit], axis=1) + row[:, 2]
            open_ = open_[~hit]
        left = np.flatnonzero(np.isnan(u))
        left = left[self.mpc.safe_set.contains(x[left])]
        self.fallbacks += len(left)
        for i in left:
            u[i] = self.mpc.solve(x[i])[0]
        return u


def _grid(regions, low, size, cells):
    """Return the code of every cell and the table of candidate regions of the mixed ones."""
    found = [[] for _ in range(cells * cells)]
    pure = np.full(cells * cells, -1)
    for index, region in enumerate(regions):
        first = np.floor((region.vertices.min(axis=0) - low) / size - 1e-6).astype(int)
        last = np.floor((region.vertices.max(axis=0) - low) / size + 1e-6).astype(int)
        first, last = np.clip(first, 0, cells - 1), np.clip(last, 0, cells - 1)
        i, j = (a.ravel() for a in np.meshgrid(
            np.arange(first[0], last[0] + 1), np.arange(first[1], last[1] + 1), indexing='ij'))
        corners = low + (np.stack([i, j], -1)[:, None]
                         + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])) * size
        excess = corners @ region.facets[:, :2].T - region.facets[:, 2]  # (cells, 4, facets)
        touched = ~np.any(np.all(excess > 1e-9, axis=1), axis=1)
        whole = np.all(excess <= 0, axis=(1, 2))
        number = i * cells + j
        pure[number[whole]] = index
        for cell in number[touched]:
            found[cell].append(index)
    mixed = [c for c in range(cells * cells) if found[c] and pure[c] < 0]
    width = max((len(found[c]) for c in mixed), default=1)
    candidates = np.full((max(len(mixed), 1), width), -1)
    codes = np.where(pure >= 0, pure, _OUTSIDE)
    for row, cell in enumerate(mixed):
        candidates[row, :len(found[cell])] = found[cell]
        codes[cell] = _MIXED - row
    return codes, candidates
