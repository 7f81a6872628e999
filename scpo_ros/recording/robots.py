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
The robots of a bag: which topic carries what of which robot. No ROS.

A topic belongs to a robot by its namespace, by a remapping, and by its type. The recorder keeps
the remapped names in the bag. For other bags they are given as `ros2 run` takes them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
import re

from scpo_ros.config import NODES
from scpo_ros.interface.stack_topics import KEPT_NAMES, KINDS, names_of, STATE
from scpo_ros.recording.bag import Bag, BagError, Recorded


_SIGNS = ('controller/active_policy', 'policy', 'adapter/rollouts',
          'controller/metrics/policy_version', 'adapter/metrics/policy_version')  # of a run
_WORD = '[A-Za-z_][A-Za-z0-9_]*'
_TOPIC = f'/?{_WORD}(/{_WORD})*'


@dataclass(frozen=True)
class Robot:
    """One robot of a bag."""

    namespace: str  # with slashes around it
    names: Mapping[str, str] = field(default_factory=dict)  # {name of the stack: topic}, remapped
    nodes: Mapping[str, str] = field(default_factory=dict)  # {node: the name it was given}

    def topic(self, name: str) -> str:
        """Return the topic that carries a name of the stack."""
        node, _, rest = name.partition('/')
        own = f'{self.nodes[node]}/{rest}' if rest and node in self.nodes else name
        return self.names.get(name, self.namespace + own)

    @cached_property
    def _carried(self) -> dict[str, str]:
        """Return {topic: name of the stack}."""
        return {self.topic(name): name for name in KINDS}

    def name_of(self, topic: str) -> str | None:
        """Return which name of the stack a topic carries, None where it is not this robot's."""
        if topic in self._carried:
            return self._carried[topic]
        if not topic.startswith(self.namespace):
            return None
        node, _, rest = topic.removeprefix(self.namespace).partition('/')
        known = {given: known for known, given in self.nodes.items()}
        name = f'{known.get(node, node)}/{rest}' if rest else node
        return None if name in KINDS else name  # else another topic carries that name

    def reads(self, item: Recorded) -> str | None:
        """Return which name a message carries, None where it is not this robot's, or mistyped."""
        name = self.name_of(item.topic)
        return name if name is None or item.kind == KINDS.get(name, item.kind) else None

    def mistyped(self, bag: Bag) -> Iterator[tuple[str, str]]:
        """Yield (topic, sentence) for every topic of a name of the stack and of another type."""
        for topic, kinds in sorted(bag.kinds.items()):
            name = self.name_of(topic)
            for kind in sorted(kinds):
                if kind != KINDS.get(name or '', kind):
                    yield topic, f'is of the type {kind}, not {KINDS[name or ""]}: not looked at'


def robots_of(bag: Bag, namespaces: Sequence[str] = (),
              remappings: Sequence[str] = ()) -> list[Robot]:
    """
    Return the robots of a bag, in the order of their namespaces.

    :param namespaces: those to look at; none: those that the recorder kept, and those in which
        something of scpo_ros has its type.
    :param remappings: `NAME:=TOPIC` or `NODE:__node:=NAME`, in place of what the recorder kept.
    :raises BagError: when there is none, or what was given does not fit the bag.
    """
    kept, rules = _kept(bag), [_rule(text) for text in remappings]
    chosen = [_slashed(bag, namespace) for namespace in namespaces] or sorted(
        {*kept, *_found(bag, {topic for names in kept.values() for topic in names.values()})})
    if not chosen:
        raise BagError(f'{bag.path} holds no run of scpo_ros: there is nothing to look at '
                       f'({_suggestion(bag)})')
    robots = [_robot(namespace, kept.get(namespace, {}), rules) for namespace in chosen]
    for text, (name, _) in zip(remappings, rules):
        _require_fitting(bag, robots, text, name)
    return robots


def _kept(bag: Bag) -> dict[str, dict[str, str]]:
    """Return {namespace: {name: topic}} as the recorder kept it."""
    try:
        return names_of(bag.data.get(KEPT_NAMES, '{}'))
    except ValueError as error:
        raise BagError(f'the names that {bag.path} keeps cannot be read: {error}') from error


def _found(bag: Bag, remapped: Iterable[str]) -> set[str]:
    """Return the namespaces in which a topic of scpo_ros has its type."""
    return {topic.removesuffix(sign) for topic, kinds in bag.kinds.items() for sign in _SIGNS
            if topic.endswith(f'/{sign}') and KINDS[sign] in kinds and topic not in remapped}


def _slashed(bag: Bag, namespace: str) -> str:
    """Return a given namespace with slashes around it."""
    if not re.fullmatch(f'/?|/?{_WORD}(/{_WORD})*/?', namespace):
        raise BagError(f'--namespace {namespace}: must be a namespace, such as /scpo')
    slashed = f'/{namespace.strip("/")}/'.replace('//', '/')
    if not any(topic.startswith(slashed) for topic in bag.kinds):
        raise BagError(f'--namespace {namespace}: {bag.path} holds no topic in it')
    return slashed


def _rule(text: str) -> tuple[str, str]:
    """Return (name or NODE:__node, topic or name of the node) of a remapping."""
    name, _, to = text.partition(':=')
    node, _, rest = name.partition(':')
    wanted = _WORD if rest else _TOPIC
    if (rest == '__node' and node in NODES or not rest and any(
            name == known or name.startswith('/') and name.endswith(f'/{known}')
            for known in KINDS)) and re.fullmatch(wanted, to):
        return name, to
    raise BagError(f'--remap {text}: must read NAME:=TOPIC or NODE:__node:=NAME, where NAME is a '
                   f'topic of scpo_ros, such as joint_states')


def _robot(namespace: str, kept: Mapping[str, str], rules: Iterable[tuple[str, str]]) -> Robot:
    """Return the robot of a namespace, with the names that were kept or given."""
    names, nodes = dict(kept), {}
    for name, to in rules:
        own = name.removeprefix(namespace)
        if name.endswith(':__node'):
            nodes[name.partition(':')[0]] = to
        elif own in KINDS:
            names[own] = to if to.startswith('/') else namespace + to
    return Robot(namespace, names, nodes)


def _require_fitting(bag: Bag, robots: Iterable[Robot], text: str, name: str) -> None:
    """Raise BagError unless the bag holds a topic for a given remapping."""
    node = name.partition(':')[0]
    for robot in robots:
        topics = [robot.topic(known) for known in KINDS if (
            known.startswith(f'{node}/') if ':' in name else name in (
                known, robot.namespace + known))]
        if any(topic in bag.kinds for topic in topics):
            return
    raise BagError(f'--remap {text}: {bag.path} holds no such topic ({_suggestion(bag)})')


def _suggestion(bag: Bag) -> str:
    """Return what a bag holds that could be the states of a robot."""
    states = sorted(topic for topic, kinds in bag.kinds.items() if STATE in kinds)
    return (f'{STATE} on {", ".join(states)}; --namespace and --remap say which is what'
            if states else f'no {STATE} at all')


def remarks(bag: Bag, robots: Sequence[Robot]) -> list[str]:
    """Return sentences on what of a bag is left alone, and on what it lacks."""
    said = [f'{topic} {sentence}' for robot in robots for topic, sentence in robot.mistyped(bag)]
    for robot in robots:
        topic = robot.topic('joint_states')
        if STATE not in bag.kinds.get(topic, ()):
            said.append(f'no states on {topic} ({_suggestion(bag)})')
    own = {robot.topic(name) for robot in robots for name in KINDS}
    said += [f'{topic} is left alone: no run of scpo_ros in its namespace'
             for topic in sorted(bag.kinds) if topic not in own
             and topic.rpartition('/')[2] in ('joint_states', 'joint_command', 'policy')
             and not any(topic.startswith(robot.namespace) for robot in robots)]
    return [*bag.notes, *said]
