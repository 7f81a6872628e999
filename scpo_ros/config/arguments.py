"""
The launch arguments of both launch files and of :mod:`scpo_ros.sim`, and the parameter file.

An argument that sets parameters overrides the parameter file only where it is given.
"""

from dataclasses import dataclass
import re

from scpo_ros.config import build_node, EXPERTS, NODES
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ConfigurationError
import yaml


_NAME = '[A-Za-z_][A-Za-z0-9_]*'


@dataclass(frozen=True)
class Argument:
    """A launch argument `name:=value`."""

    name: str
    default: str  # '' leaves it to the parameter file
    description: str
    kind: type = str
    sets: tuple = ()  # (node, parameter) pairs; node '' stands for all
    pattern: str = ''  # regular expression of the admissible texts; '' admits all

    def parse(self, text):
        """
        Return the value of a text.

        :raises ConfigurationError: when it is not of the argument's kind or pattern.
        """
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise ConfigurationError(self.name, text, f'must match {self.pattern}')
        words = {'true': True, 'on': True, '1': True, 'false': False, 'off': False, '0': False}
        try:
            return words[text.lower()] if self.kind is bool else self.kind(text)
        except (KeyError, ValueError) as error:
            raise ConfigurationError(
                self.name, text, f'must be of type {self.kind.__name__}') from error


_FILE = 'empty: params_file'
ARGUMENTS = (
    Argument('namespace', 'scpo', 'namespace of all nodes; / for none',
             pattern=f'/?|/?{_NAME}(/{_NAME})*'),
    Argument('params_file', '', 'parameter file; empty: the installed config/scpo.yaml'),
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
             (('monitor', 'output'), ('controller', 'ledger_dir'), ('adapter', 'ledger_dir'))),
    Argument('record', 'false', 'record the topics into an MCAP bag', bool),
    Argument('bag_path', '', 'folder of the bag, must not exist yet; empty: RESULTS/bag'),
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
             'date'),
    Argument('lockstep', 'false', 'with use_sim_time: make the clock wait, as sim.launch.py does',
             bool,
             (('controller', 'lockstep'), ('adapter', 'lockstep'))),
    Argument('joint_states', 'joint_states', "topic of the robot's states"),
    Argument('joint_command', 'joint_command', 'topic of the commands to the robot'),
    Argument('demonstrations', 'demonstrations', 'topic of the labelled states'),
)
_NOT_ADAPT = ('expert', 'duration', 'real_time_factor', 'results')
ADAPT_ARGUMENTS = (
    *({argument.name: argument for argument in (*ARGUMENTS, *_ONLY_ADAPT)}[known.name]
      for known in ARGUMENTS if known.name not in _NOT_ADAPT), *_ONLY_ADAPT[4:])


def value_of(name, values):
    """Return the value of an argument."""
    return next(a for a in ARGUMENTS if a.name == name).parse(values[name])


def full_name(node, values):
    """Return the fully qualified name of a node, '' for the namespace itself."""
    return '/' + '/'.join(part for part in (values['namespace'].strip('/'), node) if part)


def overrides(values, arguments=ARGUMENTS):
    """
    Return {node: {parameter: value}} of given arguments.

    :param values: {argument name: text}; an empty text sets nothing.
    :param arguments: the known ones.
    :raises ConfigurationError: for an unknown argument or a text of the wrong kind.
    """
    known = {argument.name: argument for argument in arguments}
    result = {node: {} for node in NODES}
    for name, text in values.items():
        if name not in known:
            raise ConfigurationError(name, text, f'must be one of {", ".join(known)}')
        if text == '':
            continue
        value = known[name].parse(text)
        for node, parameter in known[name].sets:
            for target in [node] if node else NODES:
                result[target][parameter] = value
    return result


def _flat(tree, prefix=''):
    flat = {}
    for name, item in tree.items():
        if isinstance(item, dict):
            flat.update(_flat(item, f'{prefix}{name}.'))
        else:
            flat[f'{prefix}{name}'] = item
    return flat


def read_parameter_file(path):
    """
    Return {node: {parameter: value}} of a parameter file.

    Understands the sections '/**' (all nodes), '/**/NODE' and 'NODE'.

    :raises ConfigurationError: when it cannot be read, or names an unknown section.
    """
    try:
        with open(path, encoding='utf-8') as stream:
            text = stream.read()
    except (OSError, ValueError) as error:
        raise ConfigurationError('params_file', str(path), f'cannot be read: {error}') from error
    return by_node(sections_of(text, path))


def sections_of(text, source):
    """
    Return {section: body} of the text of a parameter file.

    :raises ConfigurationError: naming the source, when it is no parameter file.
    """
    try:
        sections = yaml.safe_load(text) or {}
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigurationError('params_file', str(source), f'cannot be read: {error}') from error
    if not isinstance(sections, dict):
        raise ConfigurationError('params_file', str(source), 'must hold sections such as /**')
    return sections


def by_node(sections):
    """
    Return {node: {parameter: value}} of the sections of a parameter file.

    :raises ConfigurationError: for an unknown section, or one that holds other things.
    """
    result = {node: {} for node in NODES}
    for section in sorted(map(str, sections), key=len):
        body = sections.get(section)
        node = section.removeprefix('/**').removeprefix('/')
        if node not in ('', *NODES) or not isinstance(body, dict) or set(body) != {
                'ros__parameters'}:
            raise ConfigurationError(
                'params_file section', section,
                f'must be /** or /**/NODE, NODE one of {", ".join(NODES)}, and hold '
                'ros__parameters only')
        parameters = body['ros__parameters'] or {}
        if not isinstance(parameters, dict):
            raise ConfigurationError(f'{section}: ros__parameters', parameters,
                                     'must hold name: value')
        for target in [node] if node else NODES:
            result[target].update(_flat(parameters))
    return result


def checked_configuration(path, values, arguments=ARGUMENTS):
    """
    Return ({node: configuration}, Spec) of a parameter file and launch arguments.

    :param values: {argument name: text}. :param arguments: the known ones.
    :raises ConfigurationError: naming the first bad value and its rule, before anything moves.
    """
    given, changes = read_parameter_file(path), overrides(values, arguments)
    return configuration_of({node: {**given[node], **changes[node]} for node in NODES})


def configuration_of(given):
    """
    Return ({node: configuration}, Spec) of {node: {parameter: value}}.

    :raises ConfigurationError: naming the first bad value and its rule.
    """
    configs, specs = {}, {}
    for node, kind in NODES.items():
        merged = dict(given[node])
        merged.pop('use_sim_time', None)
        specs[node], configs[node] = build_node(kind, merged)
    required, claimed = configs['controller'].certified_margin, configs['adapter'].accept_margin
    if required > claimed:
        raise ConfigurationError(
            'controller: certified_margin', required,
            f'must not exceed the margin that the adapter certifies, accept_margin = {claimed}')
    return configs, _common(specs)


def _common(specs):
    first, *others = specs
    wanted = flatten(specs[first])
    for node in others:
        for name, (item, _) in flatten(specs[node]).items():
            if item != wanted[name][0]:
                raise ConfigurationError(
                    f'{node}: {name}', item,
                    f'must be that of every node, as of the {first}: {wanted[name][0]!r}')
    return specs[first]


def node_parameters(path, values, arguments=ARGUMENTS):
    """
    Return ({node: {parameter: value}}, Spec): every parameter of every node, checked.

    :param values: {argument name: text}. :param arguments: the known ones.
    :raises ConfigurationError: naming the first bad value and its rule, before anything moves.
    """
    configs, spec = checked_configuration(path, values, arguments)
    given, changes = read_parameter_file(path), overrides(values, arguments)
    result = {}
    for node, config in configs.items():
        flat = {name: item for name, (item, _) in {**flatten(spec), **flatten(config)}.items()}
        result[node] = {
            'use_sim_time': {**given[node], **changes[node]}.get('use_sim_time', False),
            **{name: list(item) if isinstance(item, tuple) else item
               for name, item in flat.items()}}
    return result, spec
