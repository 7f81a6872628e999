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

"""Computes the safe set of a described system."""

from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import checked, digest
from scpo_ros.config.table_cache import Cache, cached
from scpo_ros.exceptions import ConfigurationError, NoSafeSetError
from scpo_ros.sets.lifted_design import SetDesign, SLOWEST
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.product_set import ProductSet
from scpo_ros.sets.redundancy import essential
from scpo_ros.sets.set_table import set_key, stored_set
from scpo_ros.systems.decoupling import Block, blocks
from scpo_ros.systems.loading import system_of
from scpo_ros.systems.model_error import curved_states, narrowed
from scpo_ros.systems.system import System

_BISECTIONS = 12
_NARROWINGS = 6  # bisections of the limits


@dataclass(frozen=True)
class DesignedPart:
    """The safe set of a decoupled part, and how large it is."""

    block: Block
    safe_set: LiftedSet
    mean_radius: float  # over that of a set which contains every contractive one, at most 1


def safe_parts(system: System, cache: Cache = None) -> tuple[DesignedPart, ...]:
    """
    Return the safe sets of the decoupled parts of a system.

    :param cache: folder of the tables that keep them, None for the default one.
    :raises NoSafeSetError: naming the states of a part without a safe set, with the largest
        scale of the disturbance for which there is one.
    """
    return tuple(_designed(system, block, cache) for block in blocks(system))


def safe_set(system: System, cache: Cache = None) -> ProductSet:
    """
    Return the safe set of a system, in units of x.

    :param cache: folder of the tables that keep it, None for the default one.
    :raises NoSafeSetError: when a part has none, see :func:`safe_parts`.
    """
    return ProductSet([(part.block, part.safe_set) for part in safe_parts(system, cache)])


def _designed(system: System, block: Block, cache: Cache) -> DesignedPart:
    horizon, contraction = system.description.horizon, system.description.contraction
    design = SetDesign(block, horizon)
    key = set_key(block, horizon, 'auto' if contraction is None else contraction)

    def build() -> LiftedSet:
        try:
            found = design.chosen(contraction)
        except ConfigurationError as error:
            raise _explained(system, block, error) from error
        places = essential(found.rows)
        return replace(found, rows=found.rows[places])

    found = stored_set('safe-set', key, block, horizon, build, cache)
    size = cached('set-size', digest(key, found.rows), ('mean_radius',),
                  lambda: {'mean_radius': np.asarray(design.mean_radius(found))}, cache,
                  lambda arrays: checked('mean_radius', arrays['mean_radius'], ()))
    return DesignedPart(block, found, float(size['mean_radius']))


def _explained(system: System, block: Block, error: ConfigurationError) -> NoSafeSetError:
    """Return the error that names the states, and by how much the disturbance must shrink."""
    names = ', '.join(system.description.states[place].name for place in block.states)
    scale = _largest_scale(system, block)
    largest = (f'{scale:.3g} times the disturbance leaves one' if scale > 0 else
               'not even without a disturbance is there one')
    contains = '' if system.plant is system else (
        ' (with what measurement error and delay add to it)')
    return NoSafeSetError(
        f'{system.name}: safe set of {names}', error.value,
        f'is empty: {error.name} {error.rule}; {largest}{contains}{_narrower(system, block)}')


def _narrower(system: System, block: Block) -> str:
    """Return which narrower limits of a nonlinear model leave a safe set, as a part of a line."""
    places = [place for place in curved_states(system.description) if place in block.states]
    if not places:
        return ''
    low, high = 0.0, 1.0
    for _ in range(_NARROWINGS):
        scale = (low + high) / 2
        low, high = (scale, high) if _has_set(system, block, scale) else (low, scale)
    if low == 0:
        return '; nor do narrower limits of the states in which the model is curved leave one'
    limits = ', '.join(
        f'{entry.name} from {low * entry.lower:.3g} to {low * entry.upper:.3g}'
        for entry in (system.description.states[place] for place in places))
    return f'; the error of the linearisation leaves one with {limits}'


def _has_set(system: System, block: Block, scale: float) -> bool:
    """Return whether there is a safe set with narrower limits of the curved states."""
    try:
        narrower = system_of(narrowed(system.description, scale))
        part = next(found for found in blocks(narrower)
                    if np.array_equal(found.states, block.states))
        SetDesign(part, 0).largest(system.description.contraction or SLOWEST)
    except (ConfigurationError, StopIteration):
        return False
    return True


def _largest_scale(system: System, block: Block) -> float:
    """Return the largest factor in [0, 1] of the disturbance with a safe set, 0 for none."""
    low, high = 0.0, 1.0
    for attempt in range(_BISECTIONS):
        scale = 0.0 if attempt == 0 else (low + high) / 2
        smaller = replace(block, disturbance=block.disturbance * scale)
        design = SetDesign(smaller, 0)
        try:
            design.largest(system.description.contraction or SLOWEST)
        except ConfigurationError:
            if attempt == 0:
                return 0.0
            high = scale
        else:
            low = scale
    return low
