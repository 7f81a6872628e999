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

"""What is too large is refused by its length alone, with the size and the limit."""

from types import SimpleNamespace

from admission_samples import chain_of
import numpy as np
import pytest
from scpo_ros.config import AdapterConfig, ExpertConfig, Spec
from scpo_ros.config.validation import build
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.interface import messages
from scpo_ros.interface.policy_codec import policy_values
from scpo_ros.interface.size_limits import LONGEST_TEXT, SizeLimits
from scpo_ros.nodes.conversions import event_message
from scpo_ros.verification.evaluation import SafetyEvaluation

LIMITS = SizeLimits.of(Spec())
STAMP = SimpleNamespace(sec=0, nanosec=0)


class Huge:
    """A sequence of any length; looking at an entry fails the test."""

    def __init__(self, length):
        self._length = length

    def __len__(self):
        return self._length

    def _touched(self, *_):
        raise AssertionError('an entry was looked at, or copied')

    __iter__ = __getitem__ = __array__ = __repr__ = _touched


def parameter(name, item):
    kind = 4 if isinstance(item, str) else 8
    return SimpleNamespace(name=name, value=SimpleNamespace(
        type=kind, string_value=item, double_array_value=item))


def event(**changed):
    """Return a policy message with some values replaced."""
    changed = {name.replace('__', '.'): item for name, item in changed.items()}
    kept = [SimpleNamespace(name=name, value=SimpleNamespace(
        type=2 if isinstance(item, int) else 3 if isinstance(item, float) else
        4 if isinstance(item, str) else 8, integer_value=item, double_value=item,
        string_value=item, double_array_value=item))
        for name, item in policy_values(chain_of(1)[1]).items() if name not in changed]
    return SimpleNamespace(changed_parameters=[
        *kept, *(parameter(name, item) for name, item in changed.items())])


def refusal(read, *arguments):
    with pytest.raises(InvalidArrayError) as refused:
        read(*arguments)
    sentence = str(refused.value)
    assert '\n' not in sentence and len(sentence) < 300
    return sentence


@pytest.mark.parametrize('name', [
    'policy.theta', 'certificate.g', 'certificate.bound', 'certificate.smoothness', 'unknown'])
@pytest.mark.parametrize('length', ['one more', 4_000_000])
def test_an_array_beyond_its_limit_is_refused_before_it_is_copied(name, length):
    most = LIMITS.entries_of(name)
    length = most + 1 if length == 'one more' else length
    sentence = refusal(messages.read_policy, event(**{name: Huge(length)}), LIMITS)
    assert name in sentence and f'at most {most} numbers, got {length}' in sentence


@pytest.mark.parametrize('name', ['refused.x0', 'refused.w', 'policy.theta'])
def test_an_acknowledgement_beyond_its_limit_is_refused(name):
    sentence = refusal(messages.read_active, SimpleNamespace(
        changed_parameters=[parameter(name, Huge(10**7))]), LIMITS)
    assert name in sentence and '10000000' in sentence


def test_a_proposal_has_as_many_numbers_as_there_are_weights():
    weights = LIMITS.weights
    good = SimpleNamespace(changed_parameters=[parameter('proposal.step', np.zeros(weights))])
    assert messages.read_event(good, LIMITS)['proposal.step'].size == weights
    assert f'at most {weights} numbers, got {weights + 1}' in refusal(
        messages.read_event, SimpleNamespace(changed_parameters=[
            parameter('proposal.step', Huge(weights + 1))]), LIMITS)


def test_texts_names_and_counts_have_limits_too():
    assert f'at most {LONGEST_TEXT} characters, got 1000000' in refusal(
        messages.read_policy, event(certificate__coverage='x' * 10**6), LIMITS)
    assert 'at most 256 characters, got 100000' in refusal(
        messages.read_policy, event(**{'x' * 10**5: 'x'}), LIMITS)
    assert 'at most 64 values, got 1000000' in refusal(
        messages.read_event, SimpleNamespace(changed_parameters=Huge(10**6)))


def test_frame_ids_and_trajectories_have_limits():
    header = SimpleNamespace(stamp=STAMP, frame_id='x' * 10**6 + '/1')
    for read, message in (
            (messages.read_command, SimpleNamespace(
                header=header, name=[], position=[], velocity=[], effort=[0.1])),
            (messages.read_demonstration, SimpleNamespace(
                header=header, joint_names=[], points=[])),
            (messages.read_trajectory, SimpleNamespace(
                header=header, joint_names=[], points=[])),
            (messages.read_state, SimpleNamespace(
                header=header, name=[], position=[0.0], velocity=[0.0], effort=[0.0]))):
        assert len(refusal(read, message)) < 1500
    short = SimpleNamespace(stamp=STAMP, frame_id='expert')
    assert 'at most 10000 points, got 4000000' in refusal(
        messages.read_trajectory, SimpleNamespace(
            header=short, joint_names=[], points=Huge(4_000_000)))
    for sizes in ((Huge(10**7), [0.0], [0.0]), ([0.0], [0.0], Huge(10**7))):
        refusal(messages.read_state, SimpleNamespace(
            header=short, name=[], position=sizes[0], velocity=sizes[1], effort=sizes[2]))


@pytest.mark.parametrize('changes', [
    {}, {'metrics.stability': 'proved'}, {'metrics.certificate': 'sampled'},
    {'policy.hidden': [8]}, {'metrics.design_states': 8, 'metrics.verification_states': 4}])
def test_what_the_stack_itself_publishes_is_within_the_limits(task, changes):
    spec = build(Spec, changes)
    limits = SizeLimits.of(spec)
    evaluation = SafetyEvaluation(task) if not changes else None
    assert limits.disturbances == 2 * spec.rollout_steps == 2 * 60
    if evaluation is None:
        return
    assert limits.weights == task.policy.network.d
    layout = evaluation.design_layout(task.initial_theta[None])
    assert layout.size < limits.metrics


def test_the_longest_message_of_the_stack_is_within_the_bytes():
    rclpy_serialization = pytest.importorskip('rclpy.serialization')
    from builtin_interfaces.msg import Time
    record = chain_of(1)[1]
    values = {**policy_values(record), 'policy.theta': np.zeros(LIMITS.weights),
              'certificate.coverage': '\u2603' * LONGEST_TEXT}
    for name in ('certificate.g', 'certificate.bound', 'certificate.smoothness'):
        values[name] = np.zeros(LIMITS.metrics)
    message = event_message(Time(), '/scpo/adapter', values)
    size = len(rclpy_serialization.serialize_message(message))
    assert 0.5 * size < size <= LIMITS.bytes_of('policy')


def test_the_longest_demonstration_is_within_the_bytes():
    rclpy_serialization = pytest.importorskip('rclpy.serialization')
    from builtin_interfaces.msg import Time
    from scpo_ros.config.validation import flatten
    from scpo_ros.nodes.conversions import trajectory_message
    count = flatten(ExpertConfig())['batch'][1]['high']
    message = trajectory_message(Time(), 'x' * 256, np.arange(count) * 0.1, np.zeros((count, 2)),
                                 np.zeros(count))
    assert len(rclpy_serialization.serialize_message(message)) <= LIMITS.bytes_of(
        'demonstrations')


def test_an_error_shows_a_long_value_in_short():
    for value in ('x' * 10**7, list(range(10**6)), np.zeros(10**6), {n: n for n in range(10**5)},
                  10**1000):
        sentence = str(ConfigurationError('seed', value, 'must be small'))
        assert sentence.startswith('seed must be small, got ') and len(sentence) < 2500
    assert str(ConfigurationError('seed', [1, 'a'], 'must be x')).endswith("got [1, 'a']")


def test_the_adapters_own_parameters_enter_the_limit():
    from scpo_ros.config.validation import flatten
    most = flatten(AdapterConfig())['rollouts'][1]['high']
    metrics = Spec().metrics
    assert LIMITS.metrics > 2 * (most + metrics.design_states + metrics.verification_states)
