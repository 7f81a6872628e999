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
The layouts of viewers for any system: rqt, PlotJuggler, Foxglove, rviz.

    python -m scpo_ros.bringup.layouts --system cart_pole --namespace arm --output layouts

The shipped files in config/ are those of the double integrator in the namespace scpo. They plot
each state over its limits; here the topics of those plots get the names of the system's states.
"""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import re
import sys

from scpo_ros.config.arguments import full_name, namespace_of
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ScpoRosError

FILES = ('scpo.perspective', 'plotjuggler.xml', 'foxglove.json', 'scpo.rviz')
SHIPPED_NAMESPACE = 'scpo'  # the one that the files in config/ name
_SHIPPED = ('position', 'velocity')  # states of the files in config/
_TITLE = 'Position and velocity over their limits'
_COLOURS = ('#1f77b4', '#d62728', '#2ca02c', '#ff7f0e', '#9467bd', '#8c564b', '#17becf', '#7f7f7f')


def layout(name: str, prefix: str, states: Sequence[str] = _SHIPPED) -> str:
    """
    Return the text of a layout.

    :param name: one of FILES. :param prefix: namespace with its leading slash, '' for none.
    :param states: names of the states that are plotted.
    """
    text = share_file(f'config/{name}').read_text(encoding='utf-8')
    if tuple(states) != _SHIPPED:
        text = _RENAMED.get(name, _unchanged)(text, states)
    if prefix == f'/{SHIPPED_NAMESPACE}':
        return text
    return re.sub(f"/{SHIPPED_NAMESPACE}(?=[/'])", prefix, text)


def _topic(state: str) -> str:
    return f'/{SHIPPED_NAMESPACE}/controller/metrics/{state}_use'


def _unchanged(text: str, states: Sequence[str]) -> str:
    """Return a text that names no states."""
    return text


def _in_rqt(text: str, states: Sequence[str]) -> str:
    """Return an rqt perspective whose plot shows the states."""
    shipped, wanted = (', '.join(f"'{_topic(state)}/data'" for state in names)
                       for names in (_SHIPPED, states))
    return text.replace(shipped, wanted)


def _in_plotjuggler(text: str, states: Sequence[str]) -> str:
    """Return a PlotJuggler layout whose plot shows the states."""
    curves = re.compile(rf'( *)<curve name="{_topic(_SHIPPED[0])}.*?\n'
                        rf' *<curve name="{_topic(_SHIPPED[1])}.*?\n')
    wanted = ''.join(
        rf'\1<curve name="{_topic(state)}/data" color="{_COLOURS[place % len(_COLOURS)]}"/>' '\n'
        for place, state in enumerate(states))
    return curves.sub(wanted, text).replace(_TITLE, 'States over their limits')


def _in_foxglove(text: str, states: Sequence[str]) -> str:
    """Return a Foxglove layout whose plot shows the states."""
    data = json.loads(text)
    for panel in data['configById'].values():
        paths = panel.get('paths', [])
        if any(path['value'].startswith(_topic(_SHIPPED[0])) for path in paths):
            panel['paths'] = [
                {**paths[0], 'value': f'{_topic(state)}.data', 'label': f'{state}_use'}
                for state in states]
            panel['foxglovePanelTitle'] = 'States over their limits'
    return json.dumps(data, indent=2) + '\n'


_RENAMED = {'scpo.perspective': _in_rqt, 'plotjuggler.xml': _in_plotjuggler,
            'foxglove.json': _in_foxglove}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the layouts of the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.bringup.layouts',
        description='Write the layouts of rqt, PlotJuggler, Foxglove and rviz for a system.')
    parser.add_argument('--system', default='', help='name of a shipped description, or a file; '
                        'default: the double integrator of the parameters')
    parser.add_argument('--namespace', default=SHIPPED_NAMESPACE, help='of the nodes')
    parser.add_argument('--output', required=True, type=Path, help='folder, made when needed')
    chosen = parser.parse_args(arguments)
    try:
        values = {'namespace': chosen.namespace}
        namespace_of(values)
        prefix = full_name('', values).rstrip('/')
        states: tuple[str, ...] = _SHIPPED
        if chosen.system:
            from scpo_ros.systems.loading import load
            states = load(chosen.system).states.names
        chosen.output.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (chosen.output / name).write_text(layout(name, prefix, states), encoding='utf-8')
    except (ScpoRosError, OSError) as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2
    print('\n'.join(str(chosen.output / name) for name in FILES))
    return 0


if __name__ == '__main__':
    sys.exit(main())
