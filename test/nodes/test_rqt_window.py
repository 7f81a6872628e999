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

"""The window of rqt opens maximised on any screen, with short legends and the reason."""

import ast
import json
from pathlib import Path
import struct
import sys
from types import SimpleNamespace

from matplotlib.figure import Figure
import pytest
from scpo_ros.nodes.expert import ExpertNode
from scpo_ros.nodes.rqt_window import arrange, arranged, open_at_the_reason, short

ROOT = Path(__file__).parents[2]


@pytest.fixture
def groups():
    """Return the groups of the shipped perspective."""
    return json.loads((ROOT / 'config' / 'scpo.perspective').read_text())['groups']


def value(entry):
    """Return what the perspective stores, bytes from their hexadecimal digits."""
    if entry['type'] == 'repr':
        return ast.literal_eval(entry['repr'])
    return bytes.fromhex(entry['repr(QByteArray.hex)'].split("'")[1])


def plots(groups):
    """Return [(title, settings)] of the plots."""
    return [(value(group['groups']['dock_widget__DataPlotWidget']['keys']['dock_widget_title']),
             {name: value(entry) for name, entry in group['groups']['plugin']['keys'].items()})
            for name, group in groups['pluginmanager']['groups'].items() if '__Plot__' in name]


def test_the_window_opens_maximised_on_a_screen_of_any_size(groups):
    stored = value(groups['mainwindow']['keys']['geometry'])
    magic, major, _, *rest = struct.unpack('>IHH4i4iiBBi4i', stored)
    normal, (_, maximised, full, screen_width) = rest[4:8], rest[8:12]
    assert (magic, major, maximised, full) == (0x1d9d0cb, 3, 1, 0)
    assert screen_width == 0  # Qt discards a geometry of a screen a quarter narrower or wider
    assert normal[2] <= 1366 and normal[3] <= 768  # the size after a click on restore


def test_every_plugin_has_its_place(groups):
    state = value(groups['mainwindow']['keys']['state']).decode('utf-16-be', errors='ignore')
    state += value(groups['mainwindow']['keys']['state'])[1:].decode('utf-16-be', errors='ignore')
    running = value(groups['pluginmanager']['keys']['running-plugins'])
    assert set(running) == {
        'rqt_plot/Plot', 'rqt_runtime_monitor/RuntimeMonitor', 'rqt_reconfigure/Param',
        'rqt_service_caller/ServiceCaller', 'rqt_graph/RosGraph'}
    for name, numbers in running.items():
        for number in numbers:
            assert f'{name.replace("/", "__")}__{number}__' in state


def test_few_plots_with_titles_and_limits(groups):
    assert len(plots(groups)) == 4
    for title, settings in plots(groups):
        assert 10 < len(title) <= 40
        assert settings['x_limits'] == [0.0, 60.0] and len(settings['topics']) <= 2


@pytest.mark.parametrize('label, name', [
    ('/scpo/adapter/metrics/loss/data', 'loss'), ('/a/b/c/data', 'c'), ('loss', 'loss'),
    ('/scpo/joint_states/position[0]', '/scpo/joint_states/position[0]'), ('/data', '/data')])
def test_a_short_name(label, name):
    assert short(label) == name


def widget(name='', **parts):
    return SimpleNamespace(objectName=lambda: name, **parts)


def test_legends_become_short_also_those_of_curves_added_later():
    figure = Figure()
    axes = figure.add_subplot()
    application = SimpleNamespace(allWidgets=lambda: [widget('canvas', figure=figure), widget()])
    for topic in ('/scpo/adapter/metrics/loss', '/scpo/controller/metrics/velocity_use'):
        axes.plot([], [], label=f'{topic}/data')
        axes.legend()
        arrange(application)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['loss', 'velocity_use']


class Item:
    """A row of the diagnostics, or a group of them."""

    def __init__(self, text, *rows):
        self._text, self._rows, self.expanded = text, rows, False

    def text(self, column):
        return self._text

    def childCount(self):  # noqa: N802
        return len(self._rows)

    def child(self, i):
        return self._rows[i]

    def setExpanded(self, expanded):  # noqa: N802
        self.expanded = expanded


class Tree:
    """The diagnostics."""

    def __init__(self, *groups):
        self.groups, self.chosen = groups, []

    def selectedItems(self):  # noqa: N802
        return self.chosen

    def topLevelItemCount(self):  # noqa: N802
        return len(self.groups)

    def topLevelItem(self, i):  # noqa: N802
        return self.groups[i]

    def setCurrentItem(self, item):  # noqa: N802
        self.chosen = [item]


def test_the_diagnostics_open_at_the_reason():
    reason = Item('/scpo/adapter: adaptation: refused: too dear')
    tree = Tree(Item('Errors (0)'), Item('Warnings (1)', reason),
                Item('Ok (1)', Item('/scpo/plant: simulation: running')))
    arrange(SimpleNamespace(allWidgets=lambda: [
        widget('RuntimeMonitorWidget', tree_widget=tree), widget('RuntimeMonitorWidget')]))
    assert tree.chosen == [reason] and all(group.expanded for group in tree.groups)


def test_what_the_user_chose_or_closed_stays():
    tree = Tree(Item('Ok (1)', Item('/scpo/adapter: adaptation: accepted')))
    tree.chosen = [other := Item('/scpo/plant: simulation: running')]
    open_at_the_reason(tree)
    assert tree.chosen == [other] and not tree.groups[0].expanded


def test_the_window_is_arranged_as_long_as_rqt_runs(monkeypatch):
    made = []

    class Timer:

        def __init__(self, parent):
            self.timeout = SimpleNamespace(connect=lambda call: made.append((parent, call)))

        def start(self, period):
            made.append(period)

    class Main:

        def create_application(self, argv):
            return SimpleNamespace(argv=argv, allWidgets=lambda: made.append('looked') or [])

    monkeypatch.setitem(sys.modules, 'python_qt_binding', SimpleNamespace())
    monkeypatch.setitem(
        sys.modules, 'python_qt_binding.QtCore', SimpleNamespace(QTimer=Timer))
    application = arranged(Main)().create_application(['rqt'])
    (parent, call), period = made
    call()
    assert parent is application and 0 < period <= 1000 and made[-1] == 'looked'


@pytest.mark.parametrize('given', [{}, {'system.dt': 0.1, 'batch': 12, 'expert': 'benign'}])
def test_the_parameters_of_the_node_come_before_the_specification(made, given):
    node = made(ExpertNode, **given)
    names = [name for name in node.list_parameters([], 0).names
             if name not in ('use_sim_time', 'start_type_description_service')]
    assert names[:2] == ['expert', 'batch'] and 'system.dt' in names[2:]
    assert node.get_parameter('batch').value == given.get('batch', 10)
    assert node.describe_parameter('system.dt').read_only
    assert not node.describe_parameter('batch').read_only
