"""Bags: what was written comes back, and what is not whole says so."""

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
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
    assert (bag.messages, bag.duration, bag.namespaces) == ((), 0.0, [])


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


def test_namespaces_are_those_of_the_states(tmp_path):
    writer = BagWriter(tmp_path / 'bag')
    for topic in ('/b/joint_states', '/a/joint_states', '/a/other', '/joint_states'):
        writer.add(topic, FLOAT)
    writer.close()
    assert read_bag(tmp_path / 'bag').namespaces == ['/', '/a/', '/b/']
