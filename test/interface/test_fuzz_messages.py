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

"""Messages with any content: read, or refused with InvalidArrayError; nothing else, ever."""

from types import SimpleNamespace

from admission_samples import chain_of
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface import messages
from scpo_ros.interface.policy_codec import policy_values


NUMBERS = st.floats()
FEW = st.lists(NUMBERS, max_size=3)
STAMP = st.builds(SimpleNamespace, sec=st.integers(-2**31, 2**31 - 1),
                  nanosec=st.integers(0, 2**32 - 1))
FRAME = st.text(max_size=8) | st.builds('{}/{}'.format, st.sampled_from(
    ['episode', 'policy', '']), st.text('0123456789\u0663\u00b2-+_. ', max_size=30))
HEADER = st.builds(SimpleNamespace, stamp=STAMP, frame_id=FRAME)
JOINT_STATE = st.builds(SimpleNamespace, header=HEADER, position=FEW, velocity=FEW, effort=FEW,
                        name=st.lists(st.text(max_size=300), max_size=2))
POINT = st.builds(SimpleNamespace, positions=FEW, velocities=FEW, effort=FEW,
                  time_from_start=STAMP)
GOOD_POINT = st.builds(SimpleNamespace, positions=st.lists(NUMBERS, min_size=1, max_size=1),
                       velocities=st.lists(NUMBERS, min_size=1, max_size=1),
                       effort=st.lists(NUMBERS, min_size=1, max_size=1), time_from_start=STAMP)
TRAJECTORY = st.builds(SimpleNamespace, header=HEADER,
                       joint_names=st.lists(st.text(max_size=3), max_size=2),
                       points=st.lists(POINT, max_size=3) | st.lists(GOOD_POINT, max_size=5))
VALUE = st.builds(
    SimpleNamespace, type=st.integers(-1, 10), string_value=st.text(max_size=20),
    integer_value=st.integers(-2**63, 2**63 - 1), double_value=NUMBERS, bool_value=st.booleans(),
    double_array_value=st.lists(NUMBERS, max_size=5), string_array_value=st.just([]))
NAMES = sorted({*policy_values(chain_of(1)[1]),
                'ready.version', 'refused.version', 'refused.kind', 'refused.reason',
                'refused.count', 'refused.x0', 'refused.w', 'model.valid', 'model.reason',
                'claim.kind'})
PARAMETER = st.builds(SimpleNamespace, name=st.sampled_from(NAMES) | st.text(max_size=5),
                      value=VALUE)
EVENT = st.builds(SimpleNamespace, changed_parameters=st.lists(PARAMETER, max_size=12))


@st.composite
def typed_events(draw):
    """Return an event whose every name is there, of types that are mostly right."""
    kinds = {}
    for name in NAMES:
        last = name.split('.')[-1]
        kinds[name] = (2 if last in ('version', 'parent', 'count', 'verification_size', 'valid')
                       else 8 if last in ('theta', 'g', 'bound', 'smoothness', 'x0', 'w')
                       else 3 if last in ('margin', 'violation', 'duality_gap',
                                          'verification_max') else 4)
    parameters = []
    for name, kind in kinds.items():
        value = draw(VALUE)
        value.type = kind if draw(st.integers(0, 40)) else value.type
        parameters.append(SimpleNamespace(name=name, value=value))
    return SimpleNamespace(changed_parameters=parameters)


def read(reader, message):
    """Return what is read, or None when it is refused."""
    try:
        return reader(message)
    except InvalidArrayError as error:
        assert str(error)
        return None


@pytest.mark.parametrize('reader, strategy', [
    (messages.read_state, JOINT_STATE), (messages.read_command, JOINT_STATE),
    (messages.read_trajectory, TRAJECTORY), (messages.read_demonstration, TRAJECTORY),
    (messages.read_event, EVENT), (messages.read_policy, EVENT | typed_events()),
    (messages.read_active, EVENT | typed_events())])
def test_whatever_comes_is_read_or_refused(reader, strategy):
    @settings(max_examples=50)
    @given(strategy)
    def check(message):
        read(reader, message)

    check()


@given(TRAJECTORY)
def test_what_is_read_of_a_trajectory_is_finite(message):
    found = read(messages.read_trajectory, message)
    if found is not None:
        assert np.all(np.isfinite(found[1])) and np.all(np.isfinite(found[2]))


def test_some_of_it_is_read():
    """The fuzzed messages are not all refused by their first field."""
    seen = set()

    @settings(max_examples=50)
    @given(typed_events(), TRAJECTORY)
    def look(event, trajectory):
        seen.add(('policy', read(messages.read_policy, event) is not None))
        seen.add(('trajectory', read(messages.read_trajectory, trajectory) is not None))

    look()
    assert len(seen) == 4
