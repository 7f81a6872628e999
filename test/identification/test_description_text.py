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

"""A description that is written is the one that is read."""

from dataclasses import replace

import pytest
from scpo_ros.identification.description_text import description_text
from scpo_ros.systems import load, shipped_names
from scpo_ros.systems.content import content
from scpo_ros.systems.description import Dynamics
from scpo_ros.systems.reading import described
from scpo_ros.systems.yaml_tree import parse
from system_samples import MAPPINGS


@pytest.mark.parametrize('name', [*shipped_names(), *MAPPINGS])
def test_what_is_written_is_read_again(name):
    given = load(MAPPINGS.get(name, name)).description
    kind = given.dynamics.kind.replace('model', 'continuous')
    given = replace(
        given, delay_steps=2, on_silence='zero', deadline=0.25,
        dynamics=Dynamics(kind, given.dynamics.A / 3, given.dynamics.B * 1e-7),
        states=tuple(replace(entry, disturbance=1e-5, measurement_error=2.5e-9)
                     for entry in given.states))
    text = description_text(given, ['a comment', '', 'of a\nb\x07'])
    assert text.startswith('# a comment\n#\n# of a?b?\n')
    assert content(described(parse(text, 'it'))) == content(given)


def test_units_and_limits_of_any_kind_are_read_again():
    given = load('double_integrator').description
    entry = replace(given.states[0], unit="it's 1/s: {#}", lower=float('-inf'))
    given = replace(given, states=(entry, given.states[1]))
    assert content(described(parse(description_text(given), 'it'))) == content(given)
