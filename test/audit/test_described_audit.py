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

"""The audit of a described system: nothing in genuine bags, and every kind of tampering."""

from described_run import bag_of, data_of, described
import numpy as np
import pytest
from quick_audit import quick_audits
from real_plants import described as mapping
from recorded_run import in_memory
from scpo_ros.audit import audit
from scpo_ros.recording.bag import DESCRIPTION
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.robots import Robot
from tampering import (
    ACTIVE, altered, COMMANDS, dropped, field, forged, header, indices, POLICY, policy, STATES,
    Tampering)
import yaml

STEPS = 45


@pytest.fixture(autouse=True)
def once():
    """Compute what many bags have in common once."""
    with quick_audits():
        yield


def audited(entries, kind='guarded', bag=None):
    """Return the report on a bag of entries, or on a bag."""
    bag = bag or bag_of(entries, kind=kind)
    return audit(bag, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))


@pytest.mark.parametrize('kind', ['guarded', 'bounded', 'proved'])
def test_nothing_is_found_in_a_genuine_bag(kind):
    report = audited(described(kind=kind), kind)
    assert report.findings == ()
    assert report.checked['commands computed again'] == report.checked['states'] == STEPS
    assert report.checked['policies verified again'] >= 5 and report.checked['swaps'] >= 2
    counted = f'the safety filter acted at 0 of {STEPS} states'
    assert (counted in report.notes) == (kind == 'guarded')
    assert 'commands too late, so that the plant went by its on_silence: 1' in report.notes


def test_nothing_is_found_where_the_plant_went_by_its_silent_law():
    report = audited(described(late_commands=tuple(range(10, 25))))
    assert report.findings == ()  # where the silent law is the backup's, none is missed
    assert any('went by its on_silence: ' in note for note in report.notes)


def test_a_command_that_was_held_against_the_description_is_found():
    """The law of silence is that of the description: here it says feedback."""
    entries = described()
    states, commands = indices(entries, STATES), indices(entries, COMMANDS)
    late = 36
    held = entries[commands[late - 1]].message.effort
    entries = field(STATES, 'effort', lambda _: held, late + 1)(entries)
    step = (np.array(held) - described()[states[late + 1]].message.effort)
    for name, gain in (('position', 0.005), ('velocity', 0.1)):  # of dt = 0.1
        entries = field(STATES, name, lambda at, gain=gain: at + gain * step, late + 1)(entries)
    found = audited(entries).findings
    assert any('was applied, but' in finding.sentence for finding in found), found


def rearranged(entries):
    """Let every message name its joints in another order, and another joint besides."""
    for topic in (STATES, COMMANDS, '/scpo/adapter/rollouts', '/scpo/demonstrations'):
        for index in indices(entries, topic):
            entries = altered(entries, index, _rearrange)
    return entries


def _rearrange(message):
    points = getattr(message, 'points', None)
    if points is None:
        message.name = ['gripper', *message.name[::-1]]
    else:
        message.joint_names = ['gripper', *message.joint_names[::-1]]
    for item in [message] if points is None else points:
        for names in (('position', 'velocity', 'effort'), ('positions', 'velocities')):
            for name in names:
                numbers = getattr(item, name, np.zeros(0))
                if len(numbers):
                    setattr(item, name, np.r_[np.nan, numbers[::-1]])


def test_joints_are_found_by_their_names_in_any_order():
    report = audited(rearranged(described()))
    assert report == audited(described())


def _joint(change, topic=STATES, index=20):
    """Return the tampering that alters the names of the joints of a message."""
    return lambda entries: altered(
        entries, indices(entries, topic)[index],
        lambda message: setattr(message, 'name', change(list(message.name))))


def _second(amount):
    return lambda numbers: numbers + np.array([0.0, amount])


def _unsafe(entries):
    """Make the weights of a version large, wherever it is named."""
    return forged(entries, 4, lambda theta: theta + 3 * np.sin(np.arange(len(theta))),
                  (POLICY, ACTIVE))


TAMPERINGS = (
    Tampering('command', field(COMMANDS, 'effort', _second(1e-5)), COMMANDS, 'but at this state'),
    Tampering('command of a filter', header(COMMANDS, lambda f: f.replace('policy', 'guard')),
              COMMANDS, 'but at this state'),
    Tampering('command of the last resort', header(
        COMMANDS, lambda f: f.replace('policy', 'lqr')), COMMANDS, 'but at this state'),
    Tampering('joints exchanged', _joint(lambda names: names[::-1]), STATES, 'model'),
    Tampering('inputs exchanged', _joint(lambda names: names[::-1], COMMANDS), COMMANDS,
              'but at this state'),
    Tampering('missing joint', _joint(lambda names: ['x', 'z']), STATES, "hold the joint 'y'"),
    Tampering('joint named twice', _joint(lambda names: ['x', 'x']), STATES, 'there once'),
    Tampering('number of a joint missing', field(STATES, 'velocity', lambda v: v[:1]), STATES,
              'must be one number for each'),
    Tampering('missing joint of a command', _joint(lambda names: ['x', 'z'], COMMANDS), COMMANDS,
              "hold the joint 'y'"),
    Tampering('NaN in a state', field(STATES, 'position', lambda p: p * np.nan), STATES, 'finite'),
    Tampering('position', field(STATES, 'position', _second(1e-6)), STATES, 'model'),
    Tampering('applied input', field(STATES, 'effort', _second(0.01)), STATES, 'was commanded'),
    Tampering('beyond a limit', field(STATES, 'velocity', _second(2.0)), STATES,
              'outside the limits'),
    Tampering('input unknown', field(STATES, 'effort', lambda u: np.array([u[0], np.nan])),
              STATES, 'does not say which input'),
    Tampering('command dropped', dropped(COMMANDS, 20), STATES, 'no command was recorded'),
    Tampering('not accepted', header(COMMANDS, lambda _: 'policy/40', 25), COMMANDS,
              'was never let through'),
    Tampering('unsafe weights', _unsafe, ACTIVE, 'does not verify'),
    Tampering('kind', policy('certificate.kind', lambda k: 'bounded', 3), POLICY, "'guarded'"),
    Tampering('claim', policy('claim.kind', lambda k: 'bounded', 4, ACTIVE), ACTIVE, 'a claim of'),
    Tampering('return from a fixed scenario', policy('certificate.g', lambda g: np.r_[
        g[:6], g[6] - 1e-3, g[7:]], 3), POLICY, '1 of the metrics'),
    Tampering('policy dropped', dropped(POLICY, policy__version=3), POLICY, 'version 3'))


@pytest.mark.parametrize('tampering', TAMPERINGS, ids=[t.name for t in TAMPERINGS])
def test_every_tampering_is_found(tampering):
    found = audited(tampering.apply(described())).findings
    assert any(finding.topic == tampering.topic and tampering.part in finding.sentence
               for finding in found), '\n'.join(map(str, found)) or 'nothing was found'


def test_what_rests_on_the_rollouts_of_the_adapter_is_not_claimed():
    lower = policy('certificate.g', lambda g: np.r_[g[0] - 1e-3, g[1:]], 3)(described())
    assert audited(lower).findings == ()


def test_a_bag_with_another_description_is_found():
    data = data_of()
    text = data[DESCRIPTION].replace('disturbance: 0.003', 'disturbance: 0.002', 1)
    assert text != data[DESCRIPTION]
    found = audited((), bag=in_memory(described(), {**data, DESCRIPTION: text})).findings
    assert sum('another specification: system.*' in f.sentence for f in found) >= 5
    more = text.replace('# Two axes', '# In other words: two axes').replace('0.002', '0.003')
    assert audited((), bag=in_memory(described(), {**data, DESCRIPTION: more})).findings == ()


# Real sensors and actuators --------------------------------------------------------------------


REAL = {'noisy': {'errors': [1e-3, 2e-3] * 2}, 'late': {'delay_steps': 2},
        'noisy and late': {'errors': [5e-4, 1e-3] * 2, 'delay_steps': 1, 'delay_fraction': 0.05}}


@pytest.fixture(scope='module', params=sorted(REAL))
def real(request, tmp_path_factory):
    """Return the entries of a run on a real robot, the file of its description and its keys."""
    path, changes = tmp_path_factory.mktemp('real') / 'real.yaml', REAL[request.param]
    path.write_text(yaml.safe_dump(mapping('double_integrator_2', **changes)))
    return described(str(path)), str(path), changes


def test_nothing_is_found_where_sensors_and_actuators_are_described(real):
    entries, name, changes = real
    report = audited((), bag=bag_of(entries, name))
    assert report.findings == ()
    at_first = changes.get('delay_steps', 0)  # what was under way is not known there
    assert report.checked['commands computed again'] == STEPS - at_first
    assert report.checked['swaps'] >= 1


def test_the_same_states_without_a_word_of_it_are_found(real):
    entries, _, _ = real
    found = ' '.join(finding.sentence for finding in audited((), bag=bag_of(entries)).findings)
    assert 'the model does not hold' in found or 'was commanded' in found


def test_a_command_that_acts_earlier_than_described_is_found(real):
    entries, name, changes = real
    if 'delay_steps' not in changes:
        pytest.skip('there is no delay')
    commands, late = indices(entries, COMMANDS), 20
    early = entries[commands[late]].message.effort  # acts at once over the step after it
    found = audited((), bag=bag_of(field(STATES, 'effort', lambda _: early, late + 1)(entries),
                                   name)).findings
    assert any('was applied, but' in finding.sentence for finding in found), found
