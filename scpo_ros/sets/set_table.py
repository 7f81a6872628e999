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
Lifted sets on disk: some take minutes to build, and every process needs them.

The key of a table holds all that its set depends on: dynamics, disturbance and limits of the part
in units of its limits, what is asked of the set, the constants of the construction, and the number
of its algorithm. So equal parts share a table. No set is used, built or loaded, before the proof
that it is contractive (:mod:`scpo_ros.sets.invariance_proof`).
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, checked, digest
from scpo_ros.config.table_cache import Cache, cached
from scpo_ros.sets import (
    lifted_construction, lifted_design, linear_program, polyhedron, redundancy)
from scpo_ros.sets.invariance_proof import require_contractive
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.systems.decoupling import Block

_ALGORITHM = 'lifted-set-3'  # raised with every change of what is built
_DECIDES = ('A', 'B', 'disturbance', 'state_rows', 'input_rows')  # of a block; not its scales
_MODULES = lifted_construction, lifted_design, linear_program, polyhedron, redundancy
_ARRAYS = ('rows', 'gain', 'contraction')


def set_key(block: Block, *asked: npt.ArrayLike) -> str:
    """
    Return the digest of all that a set of a block depends on.

    :param asked: of the set, in a fixed order: arrays, numbers or strings.
    """
    return digest(_ALGORITHM, *_constants(), *(getattr(block, name) for name in _DECIDES), *asked)


def _constants() -> Iterator[npt.ArrayLike]:
    """Yield names and values of the constants of the construction."""
    for module in _MODULES:
        for name, value in sorted(vars(module).items()):
            if name.isupper():
                yield name
                yield value


def stored_set(kind: str, key: str, block: Block, horizon: int, build: Callable[[], LiftedSet],
               folder: Cache) -> LiftedSet:
    """
    Return a set from its table, or build it and put it there.

    :param kind: of the set, begins the file's name. :param key: of :func:`set_key`.
    :param horizon: N of the set. :param build: returns the set; what it raises is not kept.
    :raises ConfigurationError: when the set that was built is not contractive.
    """
    def arrays() -> Mapping[str, Array]:
        found = build()
        require_contractive(block, found)
        return {name: np.asarray(getattr(found, name)) for name in _ARRAYS}

    def check(loaded: Mapping[str, Array]) -> None:
        require_contractive(block, _set_of(loaded, block, horizon))

    return _set_of(cached(kind, key, _ARRAYS, arrays, folder, check), block, horizon)


def _set_of(arrays: Mapping[str, Array], block: Block, horizon: int) -> LiftedSet:
    """
    Return the set of a table.

    :raises InvalidArrayError: for arrays of another shape, or numbers that are not finite.
    """
    n, m = block.B.shape
    return LiftedSet(
        checked('rows', arrays['rows'], (None, n + horizon * m)), n,
        checked('gain', arrays['gain'], (m, n)), horizon,
        float(checked('contraction', arrays['contraction'], ())))
