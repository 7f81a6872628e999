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

"""
The backup's law at many states: an explicit table, exact by construction.

The law is affine on each critical region (:mod:`scpo_ros.backup.planar.critical_regions`). A
query looks up its cell in a grid (:mod:`scpo_ros.backup.planar.law_table`). Most cells need no
test, because one law holds on all of them or a maximum or minimum of few
(:mod:`scpo_ros.backup.planar.merged_laws`). Elsewhere the candidate regions are tested (the KKT
conditions), and a state of the safe set that none of them contains is solved by the MPC's own
solver. Outside the safe set the answer is NaN.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, digest, Integers
from scpo_ros.backup.law import MpcLaw
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.planar.critical_regions import enumerate_regions
from scpo_ros.backup.planar.law_table import build_table, Codes, LawTable, MIXED
from scpo_ros.backup.planar.merged_laws import merged, MOST_LAWS
from scpo_ros.backup.planar.shape import require_planar
from scpo_ros.config.table_cache import cached

CELLS = 512  # along each axis
_FORMAT = 'explicit-law-3'
_WHAT = "the table of the backup's law"


class ExplicitLaw(MpcLaw):
    """
    The piecewise affine law of an MPC over a two-dimensional safe set.

    `law(x)` maps states (..., 2) to inputs (..., 1); NaN outside the safe set.
    `law.fallbacks` counts the states that went to the solver.
    """

    def __init__(self, mpc: BackupMpc, table: LawTable) -> None:
        """
        Prepare queries; :meth:`build` and :meth:`load_or_build` make the table.

        :param mpc: a :class:`BackupMpc`. :param table: its :class:`LawTable`.
        :raises ConfigurationError: unless it has two states and one input.
        """
        require_planar(mpc.qp.F.shape[1], mpc.inputs, _WHAT)
        super().__init__(mpc)
        self.table, self.fallbacks = table, 0
        self._codes = table.codes.ravel()
        self._slopes = [np.ascontiguousarray(column) for column in table.slopes.T]

    @classmethod
    def build(cls, mpc: BackupMpc, cells: int = CELLS, rng: np.random.Generator | None = None,
              progress: Callable[[float], None] | None = None) -> 'ExplicitLaw':
        """
        Build the table.

        :param mpc: a :class:`BackupMpc`. :param cells: grid cells along each axis.
        :param progress: None or a callable of the covered fraction of the safe set.
        :raises ConfigurationError: unless the MPC has two states and one input.
        """
        require_planar(mpc.qp.F.shape[1], mpc.inputs, _WHAT)
        rng = np.random.default_rng(0) if rng is None else rng
        regions = enumerate_regions(mpc, rng, progress=progress)
        table = build_table(regions, mpc.safe_set, cells)
        return cls(mpc, merged(table, regions, mpc.safe_set))

    @classmethod
    def load_or_build(cls, mpc: BackupMpc, cells: int = CELLS, cache: Path | None = None,
                      progress: Callable[[float], None] | None = None) -> 'ExplicitLaw':
        """
        Load the table from the cache, or build it and put it there.

        :param cache: folder; None for the default one.
        """
        key = digest(_FORMAT, mpc.qp.digest, mpc.safe_set.H, str(cells))
        arrays = cached('law', key, LawTable.names(),
                        lambda: vars(cls.build(mpc, cells, progress=progress).table), cache)
        return cls(mpc, LawTable.of(arrays))

    def __call__(self, x: Array) -> Array:
        """Return the backup's inputs (..., 1) at the states x (..., 2)."""
        x = np.asarray(x, dtype=np.float64)
        return self.at(x[..., 0].ravel(), x[..., 1].ravel()).reshape(x.shape[:-1] + (1,))

    def at(self, p: Array, v: Array) -> Array:
        """Return the backup's inputs (N,) at the states (p, v), (N,) each."""
        codes = self._codes.take(self.table.cell(p, v))
        u = self._law(codes, p, v)
        rest = np.flatnonzero(codes < 0)
        if len(rest):
            u[rest] = self._resolved(p[rest], v[rest], codes[rest])
        return u

    def _law(self, regions: Codes | Integers, p: Array, v: Array) -> Array:
        """Return the laws of regions (N,) at states; those of no region are meaningless."""
        first, second, offset = (column.take(regions, mode='clip') for column in self._slopes)
        first *= p
        second *= v
        first += second
        first += offset
        return first

    def _resolved(self, p: Array, v: Array, codes: Codes) -> Array:
        """Return the inputs at states of cells that are not plain."""
        u, bend = np.full(len(p), np.nan), np.zeros(len(p), dtype=np.int8)
        mixed = np.flatnonzero(codes <= MIXED)
        bend[mixed] = self.table.bends[MIXED - codes[mixed]]
        bent = np.flatnonzero(bend)
        u[bent] = self._bent(p[bent], v[bent], MIXED - codes[bent], bend[bent])
        tested = mixed[bend[mixed] == 0]
        points = np.stack([p[tested], v[tested]], axis=1)
        region = self.table.find(points, codes[tested])
        u[tested] = np.where(region >= 0, self._law(region, p[tested], v[tested]), np.nan)
        left = np.flatnonzero(np.isnan(u))
        for i in left[self.safe_set.contains(np.stack([p[left], v[left]], axis=1))]:
            self.fallbacks += 1
            u[i] = self.solve(np.array([p[i], v[i]]))[0]
        return u

    def _bent(self, p: Array, v: Array, rows: Codes, bend: npt.NDArray[np.int8]) -> Array:
        """Return the maximum (bend 1) or minimum (-1) of the laws of rows of candidates."""
        laws = self.table.candidates[rows, :MOST_LAWS]
        best = bend * self._law(laws[:, 0], p, v)
        for slot in range(1, laws.shape[1]):
            there = np.flatnonzero(laws[:, slot] >= 0)
            value = bend[there] * self._law(laws[there, slot], p[there], v[there])
            best[there] = np.maximum(best[there], value)
        return bend * best
