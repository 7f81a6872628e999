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

"""A file that is written whole: old or new after any failure, and nothing left beside it."""

import errno
import os
from pathlib import Path
import re
import resource
import signal
import stat
import subprocess
import sys
import threading

import pytest
from scpo_ros.atomic_file import replacing, write_whole


ROOT = Path(__file__).parents[1]


@pytest.fixture
def path(tmp_path):
    """Return the path of a file with the content 'old'."""
    (tmp_path / 'numbers.json').write_text('old')
    return tmp_path / 'numbers.json'


def alone(path):
    """Return whether a file is the only one in its folder."""
    return [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize('content, bytes_', [
    ('new \N{GREEK SMALL LETTER THETA}\n', b'new \xce\xb8\n'), (b'\0\r\n', b'\0\r\n'), ('', b'')])
def test_text_and_bytes_replace_the_file_bit_for_bit(path, content, bytes_):
    write_whole(path, content)
    assert path.read_bytes() == bytes_ and alone(path)


def test_a_file_that_did_not_exist_is_made_with_the_usual_permissions(tmp_path):
    (tmp_path / 'usual').write_text('')
    write_whole(tmp_path / 'new', 'new')
    assert (tmp_path / 'new').stat().st_mode == (tmp_path / 'usual').stat().st_mode


@pytest.mark.parametrize('mode', [0o600, 0o640, 0o664, 0o444, 0o755])
def test_the_permissions_of_the_file_are_kept(path, mode):
    path.chmod(mode)
    write_whole(path, 'new')
    assert path.stat().st_mode & 0o7777 == mode and path.read_text() == 'new'


def test_what_may_be_read_by_its_owner_alone_is_so_while_it_is_written(path):
    path.chmod(0o600)
    with replacing(path) as partial:
        assert partial.stat().st_mode & 0o777 == 0o600


def test_the_temporary_file_is_beside_the_file_and_has_its_suffix(path):
    with replacing(path) as partial:
        assert partial.parent == path.parent and partial.suffix == '.json'
        assert path.read_text() == 'old'


def refused(*_, **__):
    raise OSError(28, 'no space left on device')


@pytest.mark.parametrize('call', ['fsync', 'replace', 'open', 'chmod'])
def test_a_failing_call_leaves_the_old_file_alone(path, monkeypatch, call):
    monkeypatch.setattr(os, call, refused)
    with pytest.raises(OSError, match='no space'):
        write_whole(path, 'new')
    monkeypatch.undo()
    assert path.read_text() == 'old' and alone(path)


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_an_exception_of_the_writer_leaves_the_old_file_alone(path, error):
    with pytest.raises(error), replacing(path) as partial:
        partial.write_text('half of')
        raise error
    assert path.read_text() == 'old' and alone(path)


def test_negative_control_an_ordinary_write_leaves_half_of_a_file(path):
    with pytest.raises(ValueError), path.open('w') as stream:
        stream.write('half of')
        raise ValueError
    assert path.read_text() == 'half of'


LIMITED = """
import resource, signal, sys
from pathlib import Path
from scpo_ros.atomic_file import write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
write = write_whole if sys.argv[1] == 'whole' else Path.write_text
try:
    write(Path(sys.argv[2]), 'x' * 1000)
except OSError:
    print('refused')
"""


@pytest.mark.parametrize('how, left', [('whole', 'old'), ('ordinary', 'x' * 100)])
def test_a_disk_that_fills_up_leaves_the_old_file_with_the_ordinary_write_as_control(
        path, how, left):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, '-c', LIMITED, how, str(path)], capture_output=True,
                          text=True, timeout=30)
    assert done.stdout.strip() == 'refused', done.stderr
    assert path.read_text() == left and alone(path)


KILLED = """
import os, signal, sys
from scpo_ros.atomic_file import replacing
with replacing(sys.argv[1]) as partial:
    partial.write_text('half of')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_the_old_file_and_at_most_a_partial_one(path):
    done = subprocess.run([sys.executable, '-c', KILLED, str(path)], timeout=30)
    assert done.returncode == -signal.SIGKILL and path.read_text() == 'old'
    besides = [item.name for item in path.parent.iterdir() if item != path]
    assert len(besides) == 1 and re.fullmatch(r'numbers\.\d+-\w+\.partial\.json', besides[0])
    write_whole(path, 'new')
    assert path.read_text() == 'new'


def test_content_and_name_are_flushed_in_that_order(path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace

    def flushed(descriptor):
        order.append(os.path.realpath(f'/proc/self/fd/{descriptor}'))
        fsync(descriptor)

    def replaced(old, new):
        order.append('replaced')
        replace(old, new)
    monkeypatch.setattr(os, 'fsync', flushed)
    monkeypatch.setattr(os, 'replace', replaced)
    write_whole(path, 'new')
    assert re.search(r'\.partial\.json$', order[0])
    assert order[1:] == ['replaced', str(path.parent.resolve())]


def test_many_writers_of_one_file_leave_the_whole_content_of_one(path):
    contents = [letter * 100000 for letter in 'abcdefgh']
    threads = [threading.Thread(target=write_whole, args=(path, text)) for text in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert path.read_text() in contents and alone(path)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / 'none' / 'file', 'new')


def test_no_other_module_replaces_or_flushes_files_by_itself():
    calls = re.compile(r'\bos\.(replace|rename|fsync)\(')
    found = {path.relative_to(ROOT).as_posix()
             for folder in ('scpo_ros', 'assurance', 'benchmark')
             for path in (ROOT / folder).rglob('*.py') if calls.search(path.read_text())}
    # The ledger appends to an open file: its entries are flushed where they are written.
    assert found == {'scpo_ros/atomic_file.py', 'scpo_ros/ledger/ledger.py'}


def fsync_of_folders_fails(monkeypatch, number):
    """Have fsync of folders, and of nothing else, fail with an errno."""
    fsync = os.fsync

    def failing(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)
    monkeypatch.setattr(os, 'fsync', failing)


def test_a_file_system_that_cannot_flush_folders_can_be_written_to(path, monkeypatch):
    fsync_of_folders_fails(monkeypatch, errno.EINVAL)
    write_whole(path, 'new')
    assert path.read_text() == 'new' and alone(path)


def test_a_disk_that_fails_to_flush_a_folder_is_told(path, monkeypatch):
    fsync_of_folders_fails(monkeypatch, errno.EIO)
    with pytest.raises(OSError):
        write_whole(path, 'new')


def test_a_file_that_cannot_be_flushed_is_not_taken_for_one(path, monkeypatch):
    def failing(_):
        raise OSError(errno.EINVAL, 'of a file')
    monkeypatch.setattr(os, 'fsync', failing)
    with pytest.raises(OSError):
        write_whole(path, 'new')
    assert path.read_text() == 'old'
