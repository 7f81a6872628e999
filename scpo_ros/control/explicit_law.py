"""
The backup's law at many states: an explicit table, exact by construction.

The solution of a strictly convex parametric quadratic program is piecewise affine: for a set of
active constraints with rows G_a, z = -P^-1 (q + F x + G_a' mu), and mu affine in x from
G_a z = b_a + S_a x, for all x where the inactive constraints hold and mu >= 0: the critical
region, a polygon here (Bemporad, Morari, Dua, Pistikopoulos 2002). A query looks up its grid cell.
A cell all of whose corners lie in one region lies in it altogether, since regions are convex, and
needs no test. Elsewhere the candidate regions are tested (the KKT conditions), and a state of the
safe set that none of them contains is solved by the MPC's own solver. Outside the safe set the
answer is NaN.
"""

from dataclasses import dataclass
import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scpo_ros.arrays import digest
from scpo_ros.exceptions import SolverError

_FORMAT = 'explicit-law-2'
_ACTIVE = 1e-9  # multipliers above this mark a constraint active
_INSIDE = 1e-12  # distance beyond a facet that still counts as inside: far below 1e-9 in u
_NUDGE = 1e-7  # step across a facet into the neighbouring region
_FLAT = 1e-9  # a constraint with a smaller slope in x does not depend on x: rounding
_ROUNDING = 1e-13  # excess of a vertex over a half-plane that is rounding
_SMALLEST = 1e-13  # area of a region worth a row in the table
_OUTSIDE, _MIXED = -1, -2


def default_cache():
    """Return the folder of cached tables: $XDG_CACHE_HOME/scpo_ros or ~/.cache/scpo_ros."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'scpo_ros'


def clip_polygon(vertices, labels, normal, bound, label):
    """
    Clip a convex polygon by normal'x <= bound.

    :param vertices: (v, 2), in order. :param labels: (v,), labels[i] names the edge i -> i+1.
    :returns: the vertices and edge labels of the clipped polygon; the new edge carries `label`.
    """
    excess = vertices @ normal - bound
    points, names = [], []
    for i in range(len(vertices)):
        j = (i + 1) % len(vertices)
        if excess[i] <= 0:
            points.append(vertices[i])
            names.append(labels[i])
        if (excess[i] <= 0) != (excess[j] <= 0):
            t = excess[i] / (excess[i] - excess[j])
            points.append(vertices[i] + t * (vertices[j] - vertices[i]))
            names.append(label if excess[i] <= 0 else labels[i])
    return np.array(points).reshape(-1, 2), names


def area(vertices):
    """Return the area of a polygon with vertices (v, 2) in order."""
    x, y = vertices.T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


@dataclass(frozen=True)
class CriticalRegion:
    """A polygon of states and the affine first move u = slope'x + offset on it."""

    slope: np.ndarray  # (2,)
    offset: float
    vertices: np.ndarray  # (v, 2)
    facets: np.ndarray  # (v, 3): unit normal and bound of each edge, normal'x <= bound


def critical_region(qp, active, corners, outer):
    """
    Return the :class:`CriticalRegion` of an active set, or None when it has no interior.

    :param active: indices of the active constraints.
    :param corners: (v, 2), vertices of the safe set. :param outer: (v, 3), its edges.
    """
    inverse = np.linalg.inv(qp.P)
    G = qp.G[active]
    gain = inverse @ G.T
    try:
        weight = np.linalg.solve(
            G @ gain, -np.column_stack([qp.S[active], qp.b[active]])
            - gain.T @ np.column_stack([qp.F, qp.q])) if len(active) else np.zeros((0, 3))
    except np.linalg.LinAlgError:
        return None
    z = -inverse @ np.column_stack([qp.F, qp.q]) - gain @ weight  # z = z[:, :2] x + z[:, 2]
    rest = np.setdiff1d(np.arange(len(qp.b)), active)
    excess = qp.G[rest] @ z - np.column_stack([qp.S[rest], qp.b[rest]])
    rows = np.vstack([excess, -weight])  # all must be <= 0
    length = np.linalg.norm(rows[:, :2], axis=1)
    if np.any(rows[length <= _FLAT, 2] > _FLAT):
        return None
    rows = rows[length > _FLAT] / length[length > _FLAT, None]
    halfspaces = np.column_stack([rows[:, :2], -rows[:, 2]])
    vertices, labels = corners, [-1 - i for i in range(len(corners))]
    while len(vertices) >= 3:
        excess = (halfspaces[:, :2] @ vertices.T - halfspaces[:, 2:]).max(axis=1)
        worst = int(np.argmax(excess))
        if excess[worst] <= _ROUNDING:
            break
        vertices, labels = clip_polygon(
            vertices, labels, halfspaces[worst, :2], halfspaces[worst, 2], worst)
    if len(vertices) < 3 or area(vertices) < _SMALLEST:
        return None
    facets = np.array([halfspaces[i] if i >= 0 else outer[-1 - i] for i in labels])
    return CriticalRegion(z[0, :2], z[0, 2], vertices, facets)


def edges(vertices):
    """Return unit normals and bounds (v, 3) of a counter-clockwise polygon's edges."""
    along = np.roll(vertices, -1, axis=0) - vertices
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.column_stack([normals, np.sum(normals * vertices, axis=1)])


def enumerate_regions(mpc, rng, samples=4000, rounds=20, progress=None):
    """
    Return the critical regions that cover the safe set of an MPC.

    Starts from sampled states and crosses every facet found; what area is then missing is sought
    by sampling the uncovered states. A gap that remains costs time, not exactness.

    :param mpc: a :class:`BackupMpc`. :param rng: numpy Generator.
    :param progress: None or a callable of the covered fraction.
    """
    corners = mpc.safe_set.vertices
    outer, total = edges(corners), mpc.safe_set.volume
    regions, tried, covered = [], set(), 0.0

    def visit(x):
        nonlocal covered
        if not mpc.safe_set.contains(x, 0.0):
            return []
        try:
            multipliers = mpc.solve_with_multipliers(x)[1]
        except SolverError:
            return []
        active = tuple(np.flatnonzero(multipliers > _ACTIVE))
        if active in tried:
            return []
        tried.add(active)
        region = critical_region(mpc.qp, list(active), corners, outer)
        if region is None:
            return []
        regions.append(region)
        covered += area(region.vertices)
        if progress is not None:
            progress(min(covered / total, 1.0))
        middles = (region.vertices + np.roll(region.vertices, -1, axis=0)) / 2
        return list(middles + _NUDGE * region.facets[:, :2])

    low, high = corners.min(axis=0), corners.max(axis=0)
    for _ in range(rounds):
        points = rng.uniform(low, high, (samples, 2))
        queue = list(points[~_covered(regions, points) & mpc.safe_set.contains(points, 0.0)])
        if regions and not queue:
            break
        while queue:
            queue.extend(visit(queue.pop()))
    return regions


def _covered(regions, points):
    covered = np.zeros(len(points), dtype=bool)
    for region in regions:
        rest = np.flatnonzero(~covered)
        excess = points[rest] @ region.facets[:, :2].T - region.facets[:, 2]
        covered[rest] = np.all(excess <= 0, axis=1)
    return covered


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
