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

"""What is computed of a described system for its page."""

from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.contraction_check import check_contraction, ContractionCheck
from scpo_ros.sets.directions import directions
from scpo_ros.sets.lifted_construction import lifted_set
from scpo_ros.sets.system_set import DesignedPart, safe_parts
from scpo_ros.systems.certified_system import exact_system
from scpo_ros.systems.decoupling import Block
from scpo_ros.systems.system import System

_STATES = 100  # of the contraction check
_RAYS = 200  # directions in which two sets are compared
_WIDER = 1.1  # factor of a limit whose effect is asked for


@dataclass(frozen=True)
class Widening:
    """By how much the safe set grows when one limit is widened by a tenth."""

    name: str
    growth: float  # of the mean radius, over the radius


def left_by_sensors_and_actuators(system: System, part: DesignedPart) -> float | None:
    """
    Return what measurement error and delay leave of the safe set of a part.

    It is the mean over directions of the radius, over that of the safe set of the same part
    without them. None where the description has none of them.

    :raises NoSafeSetError: where there is no safe set without them either.
    """
    if system.plant is system:
        return None
    exact = safe_parts(exact_system(system))
    twin = next(found for found in exact
                if set(part.block.states) <= set(found.block.states))
    if len(twin.block.states) != len(part.block.states):
        return None
    rays = directions(_RAYS, part.block.n, 0.5)
    return float(np.mean(twin.safe_set.gauge(rays) / part.safe_set.gauge(rays)))


def modes(A: Array) -> list[complex]:
    """Return the eigenvalues of A (n, n), the largest first."""
    return sorted(map(complex, np.linalg.eigvals(A)), key=lambda z: (-abs(z), -z.imag))


def checked_at_the_boundary(part: DesignedPart) -> ContractionCheck:
    """Return the check of the contraction at 100 boundary states."""
    return check_contraction(part.block, part.safe_set, part.safe_set.boundary(_STATES))


def widenings(part: DesignedPart, names: tuple[list[str], list[str]]) -> list[Widening]:
    """
    Return the effect of every limit of a part on its set under linear feedback, largest first.

    :param names: of the states and of the inputs of the part.
    """
    block, base = part.block, _feedback_radius(part, part.block)
    if base is None:
        return []
    found = []
    for group, rows in enumerate((block.state_rows, block.input_rows)):
        for place, name in enumerate(names[group]):
            wider = rows.copy()
            alone = np.flatnonzero(
                (rows[:, place] != 0) & (np.count_nonzero(rows, axis=1) == 1))
            wider[alone] /= _WIDER
            changed = (replace(block, state_rows=wider) if group == 0
                       else replace(block, input_rows=wider))
            radius = _feedback_radius(part, changed)
            if radius is not None:
                found.append(Widening(name, radius / base - 1))
    return sorted(found, key=lambda widening: -widening.growth)


def _feedback_radius(part: DesignedPart, block: Block) -> float | None:
    """Return the mean radius under the linear feedback alone; None where there is no set."""
    try:
        found = lifted_set(block, part.safe_set.gain, part.safe_set.contraction, 0)
    except ConfigurationError:
        return None
    rng = np.random.default_rng(0)
    rays = rng.standard_normal((200, block.n))
    return float(np.mean(1 / found.gauge(rays / np.linalg.norm(rays, axis=1, keepdims=True))))
