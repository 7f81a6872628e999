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

"""The digest of a specification: of its values alone, exact, and of what certificates mean."""

from dataclasses import fields, replace
import subprocess
import sys

from certificate_reference import references, results
import numpy as np
import pytest
from scpo_ros.arrays import digest
from scpo_ros.config import Spec
from scpo_ros.config.renamed import first_names
from scpo_ros.config.specification import canonical, difference, SEMANTICS, spec_digest
from scpo_ros.config.validation import build, flatten
from scpo_ros.tolerances import GAUGE


def changed(name, item, meta):
    """Return another admissible value of a parameter, as near as there is one."""
    if isinstance(item, tuple):
        return (changed(name, item[0], meta), *item[1:])
    if meta['choices'] is not None:
        return next(choice for choice in meta['choices'] if choice != item)
    if isinstance(item, bool):
        return not item
    return item + 1 if isinstance(item, int) else float(np.nextafter(item, np.inf))


@pytest.mark.parametrize('name', flatten(Spec()))
def test_every_value_counts_to_its_last_bit_and_its_group_is_named(name):
    item, meta = flatten(Spec())[name]
    other = {name: changed(name, item, meta)}
    if name == 'metrics.certificate':  # auto stands for proved
        other[name] = 'sampled'
    sentence = difference(spec_digest(build(Spec, other)), spec_digest(Spec()))
    group = name.partition('.')[0]
    assert f'another specification: {group}.* (' in sentence
    assert 'must be the same in both' in sentence and ' and ' not in sentence


def test_two_groups_are_both_named():
    other = build(Spec, {'system.dt': 0.05, 'metrics.seed': 3})
    sentence = difference(spec_digest(other), spec_digest(Spec()))
    assert 'metrics.* (' in sentence and 'system.* (' in sentence
    assert 'backup' not in sentence and 'policy' not in sentence


@pytest.mark.parametrize('same', [
    {'system.position_limit': 1}, {'system.dt': float('1e-1')},
    {'system.position_disturbance': -0.0}, {'policy.hidden': [16, 16]}])
def test_the_same_values_written_otherwise_are_the_same(same):
    assert spec_digest(build(Spec, same)) == spec_digest(Spec())


def test_every_group_is_in_it():
    assert set(canonical(Spec())) == {entry.name for entry in fields(Spec)}
    lines = '\n'.join(canonical(Spec()).values()).splitlines()
    assert [line.partition(' = ')[0] for line in lines] == sorted(
        first_names().get(name, name) for name in flatten(Spec()))


def test_it_does_not_depend_on_process_locale_or_hash_seed():
    command = ('import locale; from scpo_ros.config import Spec\n'
               'for name in ("de_DE.UTF-8", "C"):\n'
               '    try: locale.setlocale(locale.LC_ALL, name)\n'
               '    except locale.Error: pass\n'
               'from scpo_ros.config.specification import spec_digest; print(spec_digest(Spec()))')
    for seed in ('1', '2'):
        printed = subprocess.run(
            [sys.executable, '-c', command], env={'PYTHONHASHSEED': seed, 'TZ': 'Asia/Tokyo'},
            capture_output=True, text=True, check=True).stdout
        assert printed.strip() == spec_digest(Spec())


OWN = spec_digest(Spec())


@pytest.mark.parametrize('theirs, part', [
    ('0' * 64, "'00000000...' is not of the form"), ('', 'is not of the form'),
    ('another robot', 'is not of the form'), ('x' * 10**6, "'xxxxxxxx...'"),
    (OWN + '\n', 'is not of the form'), (OWN + ',', 'is not of the form'),
    (OWN.replace('system', 'system2'), 'is not of the form'),
    (OWN.replace('system', 'other'), 'is not of the form'),
    (OWN + ',' + OWN.rpartition(',')[2], 'is not of the form'),
    (OWN.replace(f'scpo-{SEMANTICS}', f'scpo-{SEMANTICS + 1}'),
     f'semantics {SEMANTICS + 1}, here {SEMANTICS}')])
def test_what_cannot_be_compared_is_told_as_what_it_is(theirs, part):
    sentence = difference(theirs, OWN)
    assert sentence.startswith('it was certified for another specification')
    assert part in sentence and 'certified anew' in sentence and len(sentence) < 250


def test_equal_digests_have_no_difference():
    assert difference(OWN, OWN) == ''
    assert difference('spec', 'spec') == ''


# What the number of the semantics stands for ------------------------------------------------


def apart(task, found, reference):
    """Return the names of results that are not those of a reference."""
    kinds = {'law': task.tolerances.command, 'bounds': task.tolerances.command,
             'network': task.tolerances.command, 'vertices': GAUGE}
    names = {name for name in reference if name != 'theta_0' and not (
        len(found[name]) == len(reference[name]) and np.all(np.abs(
            np.subtract(found[name], reference[name]))
            <= kinds.get(name, task.tolerances.metric)))}
    return names | {name for name in ('theta_0',) if found[name] != reference[name]}


@pytest.fixture(scope='module')
def found(task):
    """Return the results of the present source."""
    return results(task)


def test_the_semantics_are_those_of_the_reference(task, found):
    known = references()
    assert max(map(int, known)) == SEMANTICS, (
        'run python test/config/certificate_reference.py after SEMANTICS was raised')
    names = apart(task, found, known[str(SEMANTICS)])
    assert not names, (
        f'{sorted(names)}: certificates mean something else now. Raise SEMANTICS in '
        'scpo_ros/config/specification.py, run python test/config/certificate_reference.py, and '
        'say in '
        'CHANGELOG.rst that policies, ledgers and bags of before are of another specification. '
        'With a new numpy or scipy that draws other random numbers: the same')


def test_a_change_of_ten_tolerances_is_one_of_the_semantics(task, found):
    reference = references()[str(SEMANTICS)]
    for name, tolerance in (('law', task.tolerances.command), ('vertices', GAUGE),
                            ('controller metrics', task.tolerances.metric),
                            ('adapter scenarios', task.tolerances.metric)):
        moved = [*found[name]]
        moved[3] += 10 * tolerance
        assert name in apart(task, {**found, name: moved}, reference)
    assert apart(task, {**found, 'theta_0': digest(task.initial_theta + 1e-12)}, reference)


def test_another_qp_or_safe_set_is_seen(task, found):
    other = replace(task, bounds=replace(task.bounds, up=task.bounds.up * (1 + 1e-7)))
    assert 'bounds' in apart(task, results(other), references()[str(SEMANTICS)])
