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

"""Parameter files are read and written as ROS 2 reads them; what it would change is refused."""

import re

from hypothesis import given, strategies as st
from parameter_documents import EVERY_TEXT, one_value, REFUSED, shape, TAKEN
import pytest
from scpo_ros.config.parameter_file import by_node, from_outside, read_parameter_file
from scpo_ros.config.ros_yaml import sections_of, text_of
from scpo_ros.exceptions import ConfigurationError

BODY = '  ros__parameters: '


def read(text, namespace='/scpo', note=lambda _: None):
    """Return {node: {parameter: value}} of a text."""
    return by_node(sections_of(text, 'a.yaml'), 'a.yaml', namespace, note)


def refusal(text):
    """Return the one line with which a text is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert '\n' not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize('text', TAKEN)
def test_values_and_types_are_those_of_ros(text):
    assert shape(read(text)['adapter']) == shape(TAKEN[text])


@pytest.mark.parametrize('text', REFUSED)
def test_what_ros_would_refuse_or_change_is_refused_at_its_line(text):
    assert re.match(r'a\.yaml, line \d+: ', refusal(text))


@pytest.mark.parametrize('text, line', [
    (one_value('[1, 0.5]'), 3), ('/**:\n' + BODY + '\n    a: 1\n\n    b: 2\n    a: 3', 6),
    ('/**:\n' + BODY + '{a: 1}\n/**:\n' + BODY + '{b: 1}', 4), ('/**: {}\n', 1),
    ('# one\n# two\n/**:\n  ros__parameters: {a: \x07}', 4), ('/**:\n  a: 1\n b: 2', 2),
    ('/**:\n' + BODY + '{a: 1}\n  more:\n    ros__parameters: {b: 1}', 3)])
def test_the_line_is_that_of_the_mistake(text, line):
    assert refusal(text).startswith(f'a.yaml, line {line}: ')


def test_a_mistake_in_bytes_has_a_line_too():
    with pytest.raises(ConfigurationError, match='line 2: the text must be UTF-8'):
        sections_of(b'/**:\n  ros__parameters: {a: \xe9}', 'a.yaml')


def test_utf_16_is_read_as_ros_reads_it():
    text = one_value('\xe9')
    assert sections_of(text.encode('utf-16'), 'a')[0].parameters == {'a': '\xe9'}


@pytest.mark.parametrize('text', ['{a: ' * 5000, '/**: ' + '{a: ' * 60 + '1' + '}' * 60])
def test_deep_nesting_is_refused_in_one_line(text):
    refusal(text)


def test_a_file_without_end_is_refused(tmp_path):
    path = tmp_path / 'large.yaml'
    path.write_text('#' * 2_000_000)
    for name in (path, '/dev/zero'):
        with pytest.raises(ConfigurationError, match='at most 1000000 bytes'):
            read_parameter_file(name)


texts = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'))
values = st.one_of(
    st.booleans(), st.integers(-2**63, 2**63 - 1), st.floats(allow_subnormal=False), texts,
    st.lists(texts, min_size=1), st.lists(st.integers(-9, 9), min_size=1),
    st.lists(st.floats(allow_subnormal=False), min_size=1))


@given(st.dictionaries(st.from_regex('[a-z_][a-z_.]{0,9}[a-z]', fullmatch=True), values))
def test_what_is_written_is_read_again(parameters):
    section, = sections_of(text_of({'/scpo/adapter': parameters}), 'a')
    assert shape(section.parameters) == shape(parameters)


def test_every_text_is_written_in_quotes():
    text = text_of({'/scpo/adapter': EVERY_TEXT})
    assert shape(read(text)['adapter']) == shape(EVERY_TEXT)
    assert '"a": "1e3"' in text and '"i": true' in text and '"l": [1.0, 1.0e-09]' in text


# Which node a section is for ---------------------------------------------------------------------


@pytest.mark.parametrize('namespace, section, found', [
    ('/', '/adapter', True), ('/', 'adapter', True), ('/', '/*', True), ('/', '/**/adapter', True),
    ('/', '/scpo/adapter', False), ('/a/scpo', '/a/scpo/adapter', True),
    ('/a/scpo', '/*/scpo/*', True), ('/a/scpo', '/scpo/adapter', False),
    ('/a', '/b/adapter', False)])
def test_sections_are_for_full_names(namespace, section, found):
    noted = []
    given_values = read(f'"{section}":\n{BODY}{{a: 1}}', namespace, noted.append)
    assert given_values['adapter'] == ({'a': 1} if found else {})
    assert len(noted) == (not found)


def test_sections_of_other_packages_are_left_alone_with_a_note(capsys):
    text = f'/**/driver:\n{BODY}{{a: 1}}\nrobot:\n{BODY}{{b: [1]}}\n/b/plant:\n{BODY}{{c: 1}}'
    assert not any(by_node(sections_of(text, 'a.yaml'), 'a.yaml').values())
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 3
    assert printed[0] == ('[scpo_ros] note: a.yaml, line 2: the section /**/driver is for no node '
                          'of /scpo, and left to others')


@pytest.mark.parametrize('section', [
    'adapter', '/adapter', '/scpo/adaptor', '/**/adaptr', '/**/a/adapter'])
def test_a_section_that_misses_its_node_is_refused_with_what_would_reach_it(section):
    said = refusal(f'{section}:\n{BODY}{{a: 1}}')
    assert '/**/adapter or /scpo/adapter to reach the adapter' in said


# What a launch file sets from outside ------------------------------------------------------------


def test_what_is_set_from_outside_reaches_the_nodes_that_know_it():
    found = from_outside([('use_sim_time', True), ('robot_description', '<robot/>'),
                          ('seed', '7'), ('backup.state_weight', (1.0, 0.5))], '/a')
    assert {node: set(given_values) for node, given_values in found.items()} == {
        node: {'use_sim_time', 'backup.state_weight'} | (
            {'seed'} if node in ('plant', 'adapter', 'monitor', 'excite') else set())
        for node in found}
    assert found['plant']['seed'] == 7 and found['plant']['use_sim_time'] is True
    assert found['controller']['backup.state_weight'] == [1.0, 0.5]


def test_a_file_set_from_outside_is_read_like_any_other(tmp_path):
    path = tmp_path / 'all.yaml'
    path.write_text(f'/**:\n{BODY}{{use_sim_time: on, rate: 3}}\n/a/plant:\n{BODY}{{seed: 2}}\n'
                    f'adapter:\n{BODY}{{seed: 9}}')
    found = from_outside([('seed', 1), str(path)], '/a')
    assert found['plant'] == {'seed': 2, 'use_sim_time': True}
    assert found['adapter'] == {'seed': 1, 'use_sim_time': True}
    path.write_text('/**: {ros__parameters: {a: [1, 0.5]}}')
    with pytest.raises(ConfigurationError, match='all.yaml, line 1'):
        from_outside([str(path)], '/a')
