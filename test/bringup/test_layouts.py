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

"""The layouts of viewers name the topics of the system and the namespace they are made for."""

import ast
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from scpo_ros.bringup.layouts import FILES, layout, main
from scpo_ros.config.resources import share_file
from scpo_ros.systems import load, shipped_names


def plotted(text):
    """Return {namespace} and the states that a layout plots."""
    found = re.findall(r'/(?:([\w/]+)/)?controller/metrics/(\w+)_use', text)
    return {namespace for namespace, _ in found}, {state for _, state in found}


@pytest.mark.parametrize('name', FILES)
def test_the_shipped_layout_is_that_of_the_double_integrator(name):
    assert layout(name, '/scpo') == share_file(f'config/{name}').read_text()


@pytest.mark.parametrize('system', shipped_names())
@pytest.mark.parametrize('name', FILES[:3])
def test_every_state_of_a_system_is_plotted_and_no_other(system, name):
    states = load(system).states.names
    namespaces, found = plotted(layout(name, '/arm', states))
    assert found == set(states) and namespaces == {'arm'}


@pytest.mark.parametrize('states', [('position', 'velocity'), ('a', 'b', 'c'), ('z',)])
def test_the_layouts_stay_what_their_programs_read(states):
    before = ElementTree.fromstring(layout('plotjuggler.xml', '/scpo'))
    after = ElementTree.fromstring(layout('plotjuggler.xml', '/scpo', states))
    count = len(list(before.iter('curve')))
    assert len(list(after.iter('curve'))) == count - 2 + len(states)
    assert json.loads(layout('foxglove.json', '/scpo', states)).keys() == json.loads(
        layout('foxglove.json', '/scpo')).keys()
    perspective = layout('scpo.perspective', '/scpo', states)
    assert json.loads(perspective)
    lists = [ast.literal_eval(text)
             for text in re.findall(r'"repr": "(\[.*_use.*\])"', perspective)]
    assert [f'/scpo/controller/metrics/{state}_use/data' for state in states] in lists


def test_the_command_writes_the_files_of_a_system(tmp_path, capsys):
    assert main(['--system', 'cart_pole', '--namespace', 'lab/one', '--output',
                 str(tmp_path / 'new')]) == 0
    assert [str(tmp_path / 'new' / name) for name in FILES] == capsys.readouterr().out.split()
    text = (tmp_path / 'new' / 'plotjuggler.xml').read_text()
    assert plotted(text) == ({'lab/one'}, {'position', 'angle', 'velocity', 'rate'})
    assert '/scpo/' not in text


@pytest.mark.parametrize('arguments, wanted', [
    (['--system', 'nobody'], 'nobody'), (['--namespace', 'a b'], 'a b')])
def test_what_cannot_be_made_is_one_line(tmp_path, capsys, arguments, wanted):
    assert main([*arguments, '--output', str(tmp_path / 'new')]) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and wanted in error
    assert not (tmp_path / 'new').exists()
