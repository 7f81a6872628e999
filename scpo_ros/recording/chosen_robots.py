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

"""The options of the commands that read a bag, and the bag and robots that they choose."""

import argparse

from scpo_ros.recording.bag import Bag, read_bag
from scpo_ros.recording.robots import Robot, robots_of


def bag_parser(program: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return the parser of a command that reads a bag."""
    parser = argparse.ArgumentParser(prog=program, description=description, epilog=epilog)
    parser.add_argument('bag', help='folder of the bag, or one of its files')
    parser.add_argument('--params', help='parameter file of the run (default: as recorded)')
    parser.add_argument('--namespace', action='append', default=[], help='look at this namespace '
                        '(may be repeated; default: every one in which scpo_ros ran)')
    parser.add_argument('--remap', action='append', default=[], metavar='NAME:=TOPIC',
                        help='a topic with another name, such as joint_states:=/arm/states, or '
                        'controller:__node:=NAME (may be repeated; default: as recorded)')
    return parser


def chosen(given: argparse.Namespace) -> tuple[Bag, list[Robot]]:
    """
    Return the bag, and its robots.

    :raises BagError: when it cannot be read, or holds nothing that was asked for.
    """
    bag = read_bag(given.bag)
    return bag, robots_of(bag, given.namespace, given.remap)
