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
The launch arguments of both launch files and of :mod:`scpo_ros.sim`.

An argument that sets parameters overrides the parameter file only where it is given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import re

from scpo_ros.config.node_parameters import EXPERTS, NODES
from scpo_ros.config.paths import expanded
from scpo_ros.config.plant_parameters import PHYSICS
from scpo_ros.config.renamed import refuse_old_name, RENAMED
from scpo_ros.config.ros_scalar import Scalar, scalar, TYPES
from scpo_ros.exceptions import ConfigurationError


_NAME = '[A-Za-z_][A-Za-z0-9_]*'
_NAMES = f'/?{_NAME}(/{_NAME})*'  # of a namespace or a topic
_WORDS = 'must be words of letters, digits and _, joined by single slashes'
_LONGEST = 150  # letters of a namespace; DDS allows 247 for the longest name in it
_BITS = {0: False, 1: True}


@dataclass(frozen=True)
class Argument:
    """A launch argument `name:=value`."""

    name: str
    default: str  # '' leaves it to the parameter file
    description: str
    kind: type[Scalar] = str
    sets: tuple[tuple[str, str], ...] = ()  # (node, parameter) pairs; node '' stands for all
    pattern: str = ''  # regular expression of the admissible texts; '' admits all
    form: str = ''  # the same in words
    path: bool = False  # whether it is a path, in which ~ is the home folder

    def parse(self, text: str) -> Scalar:
        """
        Return the value of a text; numbers and truth values are those of ROS 2.

        :raises ConfigurationError: when it is not of the argument's kind or pattern.
        """
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise ConfigurationError(self.name, text, self.form or f'must match {self.pattern}')
        try:
            item = scalar(text, quoted=self.kind is str)
        except ValueError as error:
            raise ConfigurationError(self.name, text, str(error)) from error
        if self.kind is bool and type(item) is int:
            item = _BITS.get(item, item)
        if self.kind is float and type(item) is int:
            item = float(item)
        if type(item) is not self.kind:
            raise ConfigurationError(self.name, text, f'must be of type {TYPES[self.kind]}')
        return item


_FILE = 'empty: params_file'
ARGUMENTS = (
    Argument('namespace', 'scpo', 'namespace of all nodes, below that of an including launch '
             'file; / for none', pattern=f'/?|{_NAMES}', form=_WORDS),
    Argument('params_file', '', 'parameter file; empty: the installed config/scpo.yaml',
             path=True),
    Argument('system', '', 'the name of a shipped description, or the path of a file; '
             f'double_integrator: the system that parameters define; {_FILE}', str,
             (('', 'system.description'),), path=True),
    Argument('certificate', '', 'kind of the certificates: auto, proved, bounded, guarded or '
             f'sampled; {_FILE}', str, (('', 'metrics.certificate'),),
             pattern='auto|proved|bounded|guarded|sampled'),
    Argument('plant', '', f'what moves: {" or ".join(PHYSICS)}; {_FILE}', str,
             (('plant', 'physics'),)),
    Argument('mujoco_model', '', 'plant:=mujoco: an MJCF file of your own, or the name of a '
             'shipped one; empty: the one of the system', str, (('plant', 'mujoco_model'),),
             path=True),
    Argument('mass_scale', '', f'plant:=mujoco: true masses over those of the model; {_FILE}',
             float, (('plant', 'mass_scale'),)),
    Argument('friction_scale', '', 'plant:=mujoco: true friction over that of the model; '
             + _FILE, float, (('plant', 'friction_scale'),)),
    Argument('sensor_noise', '', 'plant:=mujoco: half-width of the measurement error of every '
             f'state over its limit; {_FILE}', float, (('plant', 'sensor_noise'),)),
    Argument('actuation_delay', '', f'plant:=mujoco: steps by which inputs are late; {_FILE}', int,
             (('plant', 'actuation_delay'),)),
    Argument('expert', '', f'who demonstrates: {", ".join(EXPERTS)}; {_FILE}', str,
             (('expert', 'expert'),)),
    Argument('seed', '', f'seed of plant, adapter and summary; {_FILE}', int,
             (('plant', 'seed'), ('adapter', 'seed'), ('monitor', 'seed'))),
    Argument('duration', '', 'seconds from activation until everything is shut down, 0 for never; '
             + _FILE, float, (('monitor', 'duration_s'),)),
    Argument('safety', '', 'off: raw steps are published and run unchecked, to show the danger; '
             + _FILE, bool, (('controller', 'safety'), ('adapter', 'safety'))),
    Argument('dt', '', f'model step, control period and plant step [s]; {_FILE}', float,
             (('', 'system.dt'),)),
    Argument('use_sim_time', '', f'the plant is the clock, one seed gives one sequence; {_FILE}',
             bool, (('', 'use_sim_time'),)),
    Argument('real_time_factor', '', f'simulated seconds per wall second; {_FILE}', float,
             (('plant', 'real_time_factor'),)),
    Argument('autostart', '', f'the adapter configures and activates itself; {_FILE}', bool,
             (('adapter', 'autostart'),)),
    Argument('use_respawn', 'false', 'restart a node that ended, after 2 s', bool),
    Argument('log_level', 'info', 'debug, info, warn, error or fatal',
             pattern='debug|info|warn|error|fatal'),
    Argument('results', 'results/latest',
             'folder of summary, picture and ledgers; replaced at the start', str,
             (('monitor', 'output'), ('controller', 'ledger_dir'), ('adapter', 'ledger_dir')),
             path=True),
    Argument('record', 'false', 'record the topics into an MCAP bag', bool),
    Argument('bag_path', '', 'folder of the bag, must not exist yet; empty: RESULTS/bag',
             path=True),
    Argument('rqt', 'false', 'start rqt with config/scpo.perspective', bool),
    Argument('rviz', 'false', 'start rviz2 with config/scpo.rviz, the phase plane', bool),
)
_ONLY_ADAPT = (
    Argument('seed', '', f'seed of the adapter; {_FILE}', int, (('adapter', 'seed'),)),
    Argument('dt', '', f'model step and control period [s]; {_FILE}', float,
             (('', 'system.dt'),)),
    Argument('use_sim_time', '', f'take the time from /clock; {_FILE}', bool,
             (('', 'use_sim_time'),)),
    Argument('bag_path', '', 'folder of the bag, must not exist yet; empty: named by the '
             'date', path=True),
    Argument('lockstep', 'false', 'with use_sim_time: make the clock wait, as sim.launch.py does',
             bool,
             (('controller', 'lockstep'), ('adapter', 'lockstep'))),
    Argument('joint_states', 'joint_states', "topic of the robot's states", pattern=_NAMES,
             form=_WORDS),
    Argument('joint_command', 'joint_command', 'topic of the commands to the robot',
             pattern=_NAMES, form=_WORDS),
    Argument('demonstrations', 'demonstrations', 'topic of the labelled states', pattern=_NAMES,
             form=_WORDS),
    Argument('driver', 'none', 'ros2_control: start the driver of a robot under ros2_control; '
             'none: the robot publishes joint_states by itself', pattern='none|ros2_control'),
    Argument('robot_states', '/joint_states', 'driver:=ros2_control: topic of '
             'joint_state_broadcaster, or of an odometry', pattern=_NAMES, form=_WORDS),
    Argument('robot_commands', '/forward_command_controller/commands', 'driver:=ros2_control: '
             "topic of the robot's command controller", pattern=_NAMES, form=_WORDS),
)
_NOT_ADAPT = ('expert', 'duration', 'real_time_factor', 'results', 'plant', 'mujoco_model',
              'mass_scale', 'friction_scale', 'sensor_noise', 'actuation_delay')
ADAPT_ARGUMENTS = (
    *({argument.name: argument for argument in (*ARGUMENTS, *_ONLY_ADAPT)}[known.name]
      for known in ARGUMENTS if known.name not in _NOT_ADAPT), *_ONLY_ADAPT[4:])

_EXCITE = (
    Argument('seed', '', f'seed of the inputs; {_FILE}', int, (('excite', 'seed'),)),
    Argument('duration', '', f'seconds of random inputs, after the rest; {_FILE}', float,
             (('excite', 'duration_s'),)),
    Argument('recording', '', f'table to write, must not exist yet; {_FILE}', str,
             (('excite', 'recording'),), path=True),
    Argument('largest_amplitude', '', 'largest part of the input limits over which inputs are '
             f'drawn; {_FILE}', float, (('excite', 'largest_amplitude'),)),
)
EXCITE_ARGUMENTS = (
    *(argument for argument in ADAPT_ARGUMENTS if argument.name in (
        'namespace', 'params_file', 'system', 'log_level', 'joint_states', 'joint_command')),
    *_EXCITE)


def parsed(words: Iterable[str], defaults: Mapping[str, str],
           arguments: Iterable[Argument] = ARGUMENTS) -> dict[str, str]:
    """
    Return {argument: text} of a command line of `name:=value`, defaults filled in.

    :raises ConfigurationError: for what is not of that form, or a path below no known home folder.
    """
    values = dict(defaults)
    for word in words:
        name, separator, text = word.partition(':=')
        if not separator:
            raise ConfigurationError('argument', word, 'must read name:=value')
        values[name] = text
    return settled(values, arguments)


def value_of(name: str, values: Mapping[str, str]) -> Scalar:
    """Return the value of an argument. :param values: {argument name: text}."""
    return next(a for a in ARGUMENTS if a.name == name).parse(values[name])


def settled(values: Mapping[str, str], arguments: Iterable[Argument] = ARGUMENTS
            ) -> dict[str, str]:
    """
    Return {argument: text} with ~ in every path replaced by the home folder.

    :raises ConfigurationError: when that home folder is not known.
    """
    paths = {argument.name for argument in arguments if argument.path}
    return {name: expanded(name, text) if name in paths else text
            for name, text in values.items()}


def namespace_of(values: Mapping[str, str]) -> str:
    """
    Return the namespace of the nodes with its leading slash, '/' for none.

    :param values: {argument name: text}; without a namespace its default is meant.
    :raises ConfigurationError: when it is malformed or too long.
    """
    known = next(argument for argument in ARGUMENTS if argument.name == 'namespace')
    text = values.get('namespace', known.default)
    known.parse(text)
    if len(text) > _LONGEST:
        raise ConfigurationError('namespace', text, f'must have at most {_LONGEST} letters')
    return '/' + text.strip('/')


def below(parent: str, values: Mapping[str, str]) -> dict[str, str]:
    """
    Return {argument: text} whose namespace is a full name.

    :param parent: namespace that an including launch file has pushed, '' for none. A relative
        namespace stands below it, / adds nothing to it, and an absolute one stands for itself.
    :raises ConfigurationError: as :func:`namespace_of`.
    """
    own = namespace_of(values)
    absolute = own != '/' and values['namespace'].startswith('/')
    full = own if absolute else '/' + f'{parent.strip("/")}{own}'.strip('/')
    return {**values, 'namespace': namespace_of({'namespace': full})}


def full_name(node: str, values: Mapping[str, str]) -> str:
    """Return the fully qualified name of a node, '' for the namespace itself."""
    return '/' + '/'.join(part for part in (namespace_of(values).strip('/'), node) if part)


def overrides(values: Mapping[str, str], arguments: Iterable[Argument] = ARGUMENTS
              ) -> dict[str, dict[str, Scalar]]:
    """
    Return {node: {parameter: value}} of given arguments.

    :param values: {argument name: text}; an empty text sets nothing.
    :param arguments: the known ones.
    :raises ConfigurationError: for an old name (with the present one), an unknown argument or a
        text of the wrong kind.
    """
    known = {argument.name: argument for argument in arguments}
    result: dict[str, dict[str, Scalar]] = {node: {} for node in NODES}
    for name, text in values.items():
        if name not in known:
            refuse_old_name(
                name, text, '' if RENAMED.get(name) in known else ' in the parameter file')
            raise ConfigurationError(name, text, f'must be one of {", ".join(known)}')
        if text == '':
            continue
        value = known[name].parse(text)
        for node, parameter in known[name].sets:
            for target in [node] if node else NODES:
                result[target][parameter] = value
    return result
