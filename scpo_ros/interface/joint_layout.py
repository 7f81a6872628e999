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
Where states and inputs stand in the messages of a robot: joint by joint, field by field.

A JointState holds one array for each of the fields `position`, `velocity` and `effort`, with one
number for each joint that it names. A :class:`JointLayout` says which joint and which field each
state and each input has. A joint without such a field carries NaN there; a field of no joint is
left empty. Joints are found by their names: a robot may publish others too, in any order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
import math
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.size_limits import checked_size, LONGEST_NAME, MOST_JOINTS
from scpo_ros.systems.description import FIELDS, SystemDescription

Place: TypeAlias = tuple[str, str]  # (joint, field)
Orders: TypeAlias = list[tuple[str, list[int]]]  # (field, index of the number of each joint)
Fields: TypeAlias = Mapping[str, Sequence[float]]  # {field: numbers, one for each joint}
_SHOWN = 8  # names of a message in an error


@dataclass(frozen=True)
class JointLayout:
    """The places of the n states and the m inputs of a system."""

    states: tuple[Place, ...]
    inputs: tuple[Place, ...]
    any_name: bool = False  # whether the only joint may have any name, or none

    @cached_property
    def joints(self) -> tuple[str, ...]:
        """Return the names of the joints, in the order of their first state or input."""
        return tuple(dict.fromkeys(joint for joint, _ in self.state_places))

    @cached_property
    def state_places(self) -> tuple[Place, ...]:
        """Return the places of the states, then those of the inputs."""
        return *self.states, *self.inputs

    @cached_property
    def _own(self) -> tuple[list[str], dict[str, int]]:
        """Return the names of the joints as a message has them, and {name: index}."""
        return list(self.joints), {joint: index for index, joint in enumerate(self.joints)}

    @cached_property
    def command_joints(self) -> tuple[str, ...]:
        """Return the names of the joints that have an input."""
        return tuple(dict.fromkeys(joint for joint, _ in self.inputs))

    def fields_of(self, joints: Sequence[str], x: Array | None, u: Array
                  ) -> dict[str, list[float]]:
        """
        Return {field: numbers, one for each joint}; a field of none of them is empty.

        :param joints: the joints, of this layout. :param x: (n,), or None. :param u: (m,).
        """
        given = (u,) if x is None else (u, x)
        numbers = [*(number for part in given for number in np.ravel(part).tolist()), math.nan]
        key = (tuple(joints), x is not None)
        orders = self._orders.get(key)
        if orders is None:
            orders = self._orders[key] = self._ordered(*key)
        return {field: [numbers[index] for index in order] for field, order in orders}

    @cached_property
    def _orders(self) -> dict[tuple[tuple[str, ...], bool], Orders]:
        """Return what :meth:`_ordered` has found so far."""
        return {}

    def _ordered(self, joints: tuple[str, ...], with_states: bool) -> Orders:
        """Return for each field and joint where its number stands in (inputs, states, NaN)."""
        places = [*self.inputs, *(self.states if with_states else ())]
        index = {place: number for number, place in enumerate(places)}
        used = {field for _, field in places}
        return [(field, [index.get((joint, field), len(places)) for joint in joints]
                 if field in used else []) for field in FIELDS]

    def read(self, what: str, names: Sequence[str], fields: Fields, places: Sequence[Place]
             ) -> Array:
        """
        Return the numbers at places, (k,); they may be NaN.

        :param what: word for messages. :param names: of the joints, as a message has them.
        :param fields: as a message has them.
        :raises InvalidArrayError: for a joint that is missing or named twice, or a field that has
            not one number for each name.
        """
        return numbers_at(what, self.find(what, names, places), fields, places)

    def find(self, what: str, names: Sequence[str], places: Sequence[Place]) -> dict[str, int]:
        """
        Return {joint: its index in the arrays} of all joints that a message names.

        :param what: word for messages. :param places: whose joints must be there.
        :raises InvalidArrayError: for a joint that is missing or named twice.
        """
        if names == self._own[0]:  # of nearly all messages
            return self._own[1]
        checked_size(f'{what}: name', len(names), MOST_JOINTS, 'joints')
        for name in names:
            checked_size('the name of a joint', len(name), LONGEST_NAME, 'characters')
        if self.any_name:
            if len(names) > 1:
                raise InvalidArrayError(what, len(names), 'must name one joint')
            return {self.joints[0]: 0}
        where = {name: place for place, name in enumerate(names)}
        if len(where) != len(names):
            twice = next(name for place, name in enumerate(names) if where[name] != place)
            raise InvalidArrayError(f'{what}: name', twice, 'must be there once')
        for joint, _ in places:
            if joint not in where:
                raise InvalidArrayError(f'{what}: name', list(names)[:_SHOWN],
                                        f'must hold the joint {joint!r} of the description')
        return where


def numbers_at(what: str, where: Mapping[str, int], fields: Fields, places: Sequence[Place]
               ) -> Array:
    """
    Return the numbers at places, (k,); they may be NaN.

    :param where: of :meth:`JointLayout.find`. :param fields: as a message has them.
    :raises InvalidArrayError: for a field that has not one number for each joint.
    """
    found = []
    for joint, field in places:
        numbers = fields[field]
        if len(numbers) != len(where):
            raise InvalidArrayError(f'{what}: {field}', len(numbers),
                                    f'must be one number for each of {len(where)} joints')
        found.append(numbers[where[joint]])
    return np.array(found, dtype=np.float64)


# One joint that is moved by its acceleration: the double integrator of the parameters.
SLIDER = JointLayout((('slider', 'position'), ('slider', 'velocity')), (('slider', 'effort'),),
                     any_name=True)


def layout_of(description: SystemDescription) -> JointLayout:
    """Return the layout of a described system."""
    return JointLayout(tuple((entry.joint, entry.field) for entry in description.states),
                       tuple((entry.joint, entry.field) for entry in description.inputs))
