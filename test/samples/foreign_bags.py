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

"""Bags as others make them: other names, other robots beside, other storage, damaged."""

from dataclasses import replace
from pathlib import Path
import shutil

from recorded_run import Entry, joint_state, make, parameters, STATE
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from scpo_ros.recording.bag import PARAMETERS, TYPES
import yaml


ARM = {'/scpo/joint_states': '/arm/states', '/scpo/joint_command': '/arm/command'}
PANDA = [f'panda_joint{n}' for n in range(1, 8)]


def renamed(entries, topics):
    """Return the entries with other topics. :param topics: {topic: other topic}."""
    return tuple(replace(e, topic=topics.get(e.topic, e.topic)) for e in entries)


def node_renamed(entries, node, name):
    """Return the entries of a run whose node was started with __node:=name."""
    return tuple(replace(e, topic=e.topic.replace(f'/scpo/{node}/', f'/scpo/{name}/'))
                 for e in entries)


def panda(entries, topic='/panda/joint_states', effort=None):
    """Return the entries with the states of an arm of seven joints beside them."""
    more = []
    for entry in entries:
        if entry.topic == '/scpo/joint_states':
            message = joint_state(entry.time, 'panda_link0', [0.1] * 7, [0.0] * 7,
                                  [] if effort is None else effort)
            message.name = PANDA
            more.append(Entry(entry.time + 1e-3, topic, STATE, message))
    return tuple(sorted((*entries, *more), key=lambda e: e.time))


def text(time, topic, data='hello'):
    """Return the entry of a text."""
    return Entry(time, topic, 'std_msgs/msg/String', make('std_msgs/String', data))


def mistyped(entries, topic):
    """Return the entries with texts in the place of the messages of a topic."""
    return tuple(text(e.time, topic) if e.topic == topic else e for e in entries)


def store(path, entries, storage=StoragePlugin.MCAP, mode=CompressionMode.NONE, data=None):
    """Write a bag as `ros2 bag` may have stored it, and return its path."""
    writer = Writer(path, version=9, storage_plugin=storage)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    for key, item in ({PARAMETERS: parameters()} if data is None else data).items():
        writer.set_custom_data(key, item)
    writer.open()
    connections = {}
    for entry in entries:
        place = (entry.topic, entry.kind)
        if place not in connections:
            connections[place] = writer.add_connection(*place, typestore=TYPES)
        writer.write(connections[place], round(entry.time * 1e9),
                     TYPES.serialize_cdr(entry.message, entry.kind))
    writer.close()
    return path


def split(path, entries, at, **options):
    """Write a bag in two files, divided at a time [s], and return its path."""
    halves = [store(path.with_name(f'{path.name}_{n}'), part, **options) for n, part in enumerate(
        ([e for e in entries if e.time < at], [e for e in entries if e.time >= at]))]
    found = [yaml.safe_load((half / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
             for half in halves]
    path.mkdir()
    whole, counts = dict(found[0]), {}
    for half, part in zip(halves, found):
        for name in part['relative_file_paths']:
            shutil.move(half / name, path / name)
        for topic in part['topics_with_message_count']:
            counts.setdefault(topic['topic_metadata']['name'], dict(topic, message_count=0))[
                'message_count'] += topic['message_count']
        shutil.rmtree(half)
    whole.update(
        relative_file_paths=[n for p in found for n in p['relative_file_paths']],
        files=[f for p in found for f in p['files']],
        message_count=sum(p['message_count'] for p in found),
        topics_with_message_count=list(counts.values()))
    (path / 'metadata.yaml').write_text(yaml.safe_dump({'rosbag2_bagfile_information': whole}))
    return path


def killed(path, keep=None):
    """Leave what a killed recorder leaves: no metadata.yaml, and a file that is cut short."""
    (path / 'metadata.yaml').unlink()
    file = next(Path(path).glob('*.[md]*'))
    content = file.read_bytes()
    file.write_bytes(content[:len(content) // 2 if keep is None else keep])
    return path
