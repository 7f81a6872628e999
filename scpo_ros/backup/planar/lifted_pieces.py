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
The law of a lifted backup with two states and one input as pieces for a proof.

The quadratic program of :mod:`scpo_ros.backup.lifted_mpc` is strictly convex, so c_0 is piecewise
affine in z, and v = -K z + c_0 is. Its critical regions are enumerated over a polygon P inside
the safe set F, and enlarged until they cover it (:mod:`scpo_ros.backup.planar.law_pieces`). All
pieces are then stretched by 1 + REACH, so that they cover F itself. A state z of a stretched piece
i is z' = z / (1 + REACH) of piece i; the law moves between the two by at most K |z - z'|, and the
affine one by |slope_i| |z - z'|, with K as in law_pieces. What a solver's answer may be off is
added.
"""

import numpy as np
from scpo_ros.arrays import digest
from scpo_ros.backup.lifted_mpc import lifted_qp, LiftedMpc
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.planar.critical_regions import enumerate_regions
from scpo_ros.backup.planar.law_pieces import LawPieces
from scpo_ros.backup.planar.law_table import build_table
from scpo_ros.backup.planar.shape import require_planar
from scpo_ros.config.table_cache import Cache, cached
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.planar_projection import REACH

_FORMAT = 'lifted-pieces-1'
_CELLS = 8  # of the table of regions: it serves no query
_SAMPLES = 1000  # states in which regions are sought, a round
_SOLVED = 1e-6  # of the input limit: an answer of the solver against the exact law


def lifted_pieces(backup: LiftedMpc, inside: Polytope, cache: Cache = None) -> LawPieces:
    """
    Return the pieces of the law v(z), which cover the safe set, in units of the limits.

    :param inside: P of :func:`~scpo_ros.sets.planar_projection.planar_projection`.
    :param cache: folder of tables, None for the default one.
    :raises ConfigurationError: unless there are two states and one input.
    :raises InfeasibleError: when the regions that were found leave gaps.
    """
    block, gain = backup.block, backup.safe_set.gain
    require_planar(block.n, block.m, 'the proof of invariance over cells')
    qp = lifted_qp(block, backup.safe_set, backup.planned)
    mpc = BackupMpc(qp, inside)

    def build() -> dict[str, np.ndarray]:
        regions = enumerate_regions(mpc, np.random.default_rng(0), _SAMPLES)
        if not regions:
            raise InfeasibleError('no critical region of the backup was found')
        return vars(LawPieces.of(build_table(regions, inside, _CELLS), inside))

    free = LawPieces(**cached('lifted-pieces', digest(_FORMAT, qp.digest, inside.H),
                              ('polygons', 'slopes', 'error'), build, cache))
    slopes = free.slopes - np.append(gain[0], 0.0)
    steep = np.linalg.norm(slopes[:, :2], axis=1)
    stretched = free.polygons * (1 + REACH)
    moved = REACH * np.linalg.norm(stretched, axis=2).max(axis=1)
    return LawPieces(stretched, slopes,
                     free.error + (2 * steep.max() + steep) * moved + _SOLVED)
