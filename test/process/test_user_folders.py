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

"""Without a home directory logs and tables have a temporary place, and one line says so."""

import os

import pytest
from scpo_ros.process import user_folders


VARIABLES = ('ROS_LOG_DIR', 'ROS_HOME', 'HOME', 'XDG_CACHE_HOME', 'MPLCONFIGDIR')


@pytest.fixture
def without(monkeypatch):
    """Return the environment without the variables, which come back afterwards."""
    for name in VARIABLES:
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    monkeypatch.setattr(user_folders, '_REPLACED', [])
    return monkeypatch


def test_what_can_be_written_is_used_in_silence(without, tmp_path, capsys):
    without.setenv('HOME', str(tmp_path))
    user_folders.ensure_user_folders()
    assert (tmp_path / '.ros' / 'log').is_dir() and (tmp_path / '.cache' / 'scpo_ros').is_dir()
    assert 'ROS_LOG_DIR' not in os.environ and capsys.readouterr().err == ''


@pytest.mark.parametrize('given, part', [
    ({'HOME': 'FILE/x'}, 'FILE/x/.ros/log cannot be written'),
    ({'ROS_LOG_DIR': 'FILE/logs', 'HOME': 'HERE'}, 'FILE/logs cannot be written'),
    ({'XDG_CACHE_HOME': 'FILE/c', 'HOME': 'HERE'}, 'FILE/c/scpo_ros cannot be written'),
    ({'XDG_CACHE_HOME': 'HERE'}, 'there is no home directory')])
def test_what_cannot_be_written_is_replaced_and_named(without, tmp_path, capsys, given, part):
    (tmp_path / 'file').write_text('')
    places = {'FILE': str(tmp_path / 'file'), 'HERE': str(tmp_path)}
    for name, text in given.items():
        for word, place in places.items():
            text = text.replace(word, place)
        without.setenv(name, text)
    for word, place in places.items():
        part = part.replace(word, place)
    user_folders.ensure_user_folders()
    lines = capsys.readouterr().err.splitlines()
    assert any(part in line for line in lines) and len(lines) == len(user_folders._REPLACED)
    for folder in user_folders._REPLACED:
        assert os.path.isdir(folder.name) and folder.name in os.environ.values()
    user_folders.ensure_user_folders()  # what was replaced can be written
    assert capsys.readouterr().err == ''
