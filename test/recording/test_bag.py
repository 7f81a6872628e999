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

"""Bags: what was written comes back, and what is not whole says so."""

from foreign_bags import killed, split, store, text
import numpy as np
import pytest
from recorded_run import Entry
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from scpo_ros.recording.bag import BagError, BagWriter, PARAMETERS, profile, read_bag, TYPES
import yaml


Float64 = TYPES.types['std_msgs/msg/Float64']
FLOAT = 'std_msgs/msg/Float64'


def raw(number):
    return TYPES.serialize_cdr(Float64(number), FLOAT)


def write(path, close=True, **data):
    """Write five messages in the order in which they did not come; return the writer."""
    writer = BagWriter(path, data)
    writer.add('/a/x', FLOAT, [profile(True, False, 10)])
    writer.add('/a/y', FLOAT, [profile(False, True, 1)])
    for topic, time, number in (('/a/x', 30, 3.0), ('/a/x', 10, 1.0), ('/a/y', 20, 2.0),
                                ('/a/x', 30, 4.0), ('/a/y', 2 * 10**9, np.nan)):
        writer.write(topic, time, raw(number))
    if close:
        writer.close()
    return writer


def test_what_was_written_comes_back_in_the_order_of_time(tmp_path):
    write(tmp_path / 'bag', **{PARAMETERS: 'a: "ä"\n'})
    bag = read_bag(tmp_path / 'bag')
    assert [m.message.data for m in bag.messages[:4]] == [1.0, 2.0, 3.0, 4.0]
    assert np.isnan(bag.messages[4].message.data)
    assert [m.topic for m in bag.messages] == ['/a/x', '/a/y', '/a/x', '/a/x', '/a/y']
    assert [m.time for m in bag.messages] == pytest.approx([0, 1e-8, 2e-8, 2e-8, 2 - 1e-8])
    assert bag.messages[0].raw == bytes(raw(1.0))
    assert bag.data == {PARAMETERS: 'a: "ä"\n'}
    assert bag.types == {'/a/x': FLOAT, '/a/y': FLOAT}
    assert bag.qos['/a/x'] == [profile(True, False, 10)]
    assert bag.qos['/a/y'] == [profile(False, True, 1)]


def test_the_metadata_is_that_of_ros2_bag(tmp_path):
    write(tmp_path / 'bag')
    text = (tmp_path / 'bag' / 'metadata.yaml').read_text()
    found = yaml.safe_load(text)['rosbag2_bagfile_information']
    assert (found['version'], found['storage_identifier']) == (9, 'mcap')
    assert (found['message_count'], found['relative_file_paths']) == (5, ['bag.mcap'])
    topics = {t['topic_metadata']['name']: t for t in found['topics_with_message_count']}
    assert {name: t['message_count'] for name, t in topics.items()} == {'/a/x': 3, '/a/y': 2}
    offered = topics['/a/y']['topic_metadata']['offered_qos_profiles']
    assert [(q['reliability'], q['durability'], q['depth']) for q in offered] == [
        ('best_effort', 'transient_local', 1)]


def test_an_empty_bag_is_a_bag(tmp_path):
    BagWriter(tmp_path / 'bag').close()
    bag = read_bag(tmp_path / 'bag')
    assert (bag.messages, bag.duration, bag.kinds) == ((), 0.0, {})


def test_a_bag_that_was_not_closed_is_torn(tmp_path):
    write(tmp_path / 'bag', close=False)
    with pytest.raises(BagError, match='is torn.*killed'):
        read_bag(tmp_path / 'bag')


@pytest.mark.parametrize('harm', ['half', 'byte', 'gone', 'index'])
def test_a_damaged_bag_is_refused(tmp_path, harm):
    write(tmp_path / 'bag')
    path = tmp_path / 'bag' / 'bag.mcap'
    content = path.read_bytes()
    if harm == 'half':
        path.write_bytes(content[:len(content) // 2])
    elif harm == 'byte':  # inside the compressed messages
        middle = content.index(b'zstd') + 60
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1:])
    elif harm == 'gone':
        path.unlink()
    else:
        text = path.with_name('metadata.yaml')
        text.write_text(text.read_text().replace('message_count: 5', 'message_count: 6'))
    with pytest.raises(BagError, match='cannot be read|is damaged'):
        read_bag(tmp_path / 'bag')


def test_what_is_no_bag_is_named(tmp_path):
    with pytest.raises(BagError, match='does not exist'):
        read_bag(tmp_path / 'nowhere')
    with pytest.raises(BagError, match='is no bag'):
        read_bag(tmp_path)
    (tmp_path / 'metadata.yaml').write_text('a: [')
    with pytest.raises(BagError, match='cannot be read'):
        read_bag(tmp_path)


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(BagError, match='exists already'):
        BagWriter(tmp_path)


def test_an_unknown_type_is_refused(tmp_path):
    with pytest.raises(BagError):
        BagWriter(tmp_path / 'bag').add('/a', 'my_msgs/msg/Mine')


def test_messages_of_a_type_of_somebodys_own_are_kept_undecoded(tmp_path):
    own = get_typestore(Stores.EMPTY)
    own.register(get_types_from_msg('float64 data', 'my_msgs/msg/Mine'))
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        mine = writer.add_connection('/a/mine', 'my_msgs/msg/Mine', typestore=own)
        number = writer.add_connection('/a/x', FLOAT, typestore=TYPES)
        writer.write(mine, 1, b'whatever')
        writer.write(number, 2, raw(1.0))
    bag = read_bag(tmp_path / 'bag')
    assert (bag.messages[0].message, bag.messages[0].raw) == (None, b'whatever')
    assert bag.messages[1].message.data == 1.0


def test_bytes_that_are_no_message_are_refused_when_they_are_looked_at(tmp_path):
    writer = BagWriter(tmp_path / 'bag')
    writer.add('/a/x', FLOAT)
    writer.write('/a/x', 1, b'\x00\x01\x00\x00short')
    writer.close()
    (item,) = read_bag(tmp_path / 'bag').messages
    with pytest.raises(BagError, match='/a/x at 0.000 s cannot be decoded'):
        item.message


ENTRIES = tuple(Entry(1000.0 + 0.1 * k, f'/a/{"xy"[k % 2]}', FLOAT, Float64(float(k)))
                for k in range(40))


def numbers(bag):
    return [m.message.data for m in bag.messages]


@pytest.mark.parametrize('storage', list(StoragePlugin))
@pytest.mark.parametrize('mode', [
    CompressionMode.NONE, CompressionMode.FILE, CompressionMode.MESSAGE])
def test_every_storage_and_compression_is_read(tmp_path, storage, mode):
    bag = read_bag(store(tmp_path / 'bag', ENTRIES, storage, mode))
    assert numbers(bag) == list(range(40)) and bag.notes == ()


@pytest.mark.parametrize('storage', list(StoragePlugin))
def test_a_split_bag_is_read_as_one(tmp_path, storage):
    path = split(tmp_path / 'bag', ENTRIES, 1002.0, storage=storage)
    assert len([file for file in path.iterdir() if file.suffix != '.yaml']) == 2
    assert numbers(read_bag(path)) == list(range(40))
    (path / 'metadata.yaml').unlink()
    bag = read_bag(path)
    assert numbers(bag) == list(range(40)) and 'bag_0' in bag.notes[0]


@pytest.mark.parametrize('storage', list(StoragePlugin))
def test_without_metadata_what_was_closed_is_read_with_a_note(tmp_path, storage):
    path = store(tmp_path / 'bag', ENTRIES, storage)
    (path / 'metadata.yaml').unlink()
    bag = read_bag(path)
    assert numbers(bag) == list(range(40))
    (note,) = bag.notes
    assert 'no metadata.yaml' in note and next(path.iterdir()).name in note
    assert numbers(read_bag(next(path.iterdir()))) == list(range(40))  # the file alone


@pytest.mark.parametrize('storage, keep, part', [
    (StoragePlugin.MCAP, None, 'mcap recover bag.mcap'),
    (StoragePlugin.MCAP, 0, 'mcap recover bag.mcap'),
    (StoragePlugin.SQLITE3, None, 'ros2 bag reindex -s sqlite3'),
    (StoragePlugin.SQLITE3, 0, 'ros2 bag reindex -s sqlite3')])
def test_what_a_killed_recorder_leaves_is_one_line_with_what_helps(tmp_path, storage, keep, part):
    path = killed(store(tmp_path / 'bag', ENTRIES, storage), keep)
    with pytest.raises(BagError, match='is torn: its recorder was killed') as error:
        read_bag(path)
    assert part in str(error.value) and '\n' not in str(error.value)


def test_a_write_ahead_log_is_not_passed_over(tmp_path):
    path = store(tmp_path / 'bag', ENTRIES, StoragePlugin.SQLITE3)
    (path / 'metadata.yaml').unlink()
    (path / 'bag.db3-wal').write_bytes(b'messages')
    with pytest.raises(BagError, match='bag.db3-wal holds some of it: `ros2 bag reindex'):
        read_bag(path)


def test_a_packed_file_without_metadata_says_how_to_unpack_it(tmp_path):
    path = store(tmp_path / 'bag', ENTRIES, mode=CompressionMode.FILE)
    (path / 'metadata.yaml').unlink()
    with pytest.raises(BagError, match='bag.mcap.zstd is compressed.*zstd -d'):
        read_bag(path)


def test_a_topic_may_have_two_types(tmp_path):
    bag = read_bag(store(tmp_path / 'bag', [*ENTRIES, text(1010.0, '/a/x')]))
    assert bag.kinds == {'/a/x': {FLOAT, 'std_msgs/msg/String'}, '/a/y': {FLOAT}}
    assert bag.messages[-1].message.data == 'hello'


def test_a_full_disk_is_told_once(tmp_path, monkeypatch):
    writer = write(tmp_path / 'bag', close=False)

    def full(*_):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(writer._writer.storage, 'write', full)
    with pytest.raises(BagError, match='cannot be written.*No space left'):
        writer.write('/a/x', 5, raw(1.0))
    writer.write('/a/x', 6, raw(1.0))  # what had arrived by then
    writer.close()
    assert not (tmp_path / 'bag' / 'metadata.yaml').exists()
