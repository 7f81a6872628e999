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

"""The cache: whatever is wrong with a file, the table is made anew, once, with one line."""

import errno
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from scpo_ros.config import table_cache
from scpo_ros.config.table_cache import cached

ARRAYS = {'a': np.arange(6.0).reshape(2, 3), 'b': np.array([3, -1], dtype=np.int32)}


class Counted:
    """Computes the table, and counts how often."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return ARRAYS


@pytest.fixture
def told(caplog):
    """Return a function that gives the lines at WARNING or above since it was called last."""
    caplog.set_level(logging.DEBUG)

    def lines():
        found = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        caplog.clear()
        return found
    return lines


def same(found):
    return all(np.array_equal(found[name], item) and found[name].dtype == item.dtype
               for name, item in ARRAYS.items())


def asked(folder):
    """Return (what the cache gives, how often that was computed)."""
    compute = Counted()
    return cached('x', 'key', ARRAYS, compute, folder), compute.count


def filled(folder):
    """Return the path of a table's file."""
    asked(folder)
    path, = Path(folder).iterdir()
    return path


def test_a_table_is_computed_once_and_without_a_word(tmp_path, told):
    assert [asked(tmp_path / 'new')[1] for _ in range(3)] == [1, 0, 0]
    assert same(asked(tmp_path / 'new')[0]) and told() == []


def made_anew(folder, told, lines=1):
    """Return the lines told, once the table was made anew, and is there again."""
    found, count = asked(folder)
    assert same(found) and count == 1
    said = told()
    assert len(said) == lines and not any('\n' in line for line in said)
    return said


@pytest.fixture
def quick(monkeypatch):
    """Do not wait for the disk: thousands of files are written."""
    monkeypatch.setattr(os, 'fsync', lambda _: None)


def test_a_bit_flipped_anywhere_costs_one_computation_at_most(tmp_path, told, quick):
    path = filled(tmp_path)
    whole, remade = path.read_bytes(), 0
    for at in range(len(whole)):
        for bit in (at % 8, (at + 5) % 8):
            data = bytearray(whole)
            data[at] ^= 1 << bit
            path.write_bytes(bytes(data))
            found, count = asked(tmp_path)
            assert same(found) and count == len(told()), at
            remade += count
    assert remade > len(whole)  # few bits of the container mean nothing


def test_a_file_cut_anywhere_is_made_anew(tmp_path, told, quick):
    path = filled(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        made_anew(tmp_path, told)
    assert path.read_bytes()[:2] == b'PK' and asked(tmp_path)[1] == 0


def unsealed(**arrays):
    return lambda path: np.savez(path, **arrays)


def resealed(**arrays):
    """Return the writer of arrays with the seal of the right ones."""
    seal = np.frombuffer(table_cache._seal(ARRAYS), np.uint8)
    return unsealed(**{**ARRAYS, **arrays, 'seal': seal})


def folder_there(path):
    path.unlink()
    path.mkdir()


def pipe_there(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize('change', [
    unsealed(**ARRAYS), unsealed(a=ARRAYS['a']), resealed(c=np.zeros(3)),
    resealed(a=ARRAYS['a'].astype(np.float32)), resealed(a=ARRAYS['a'].T),
    resealed(b=ARRAYS['b'].astype(np.int64)), resealed(a=np.array([{}, []], dtype=object)),
    resealed(a=np.zeros((2, 3))),
    lambda path: path.write_bytes(b''), lambda path: path.write_bytes(bytes(range(256)))],
    ids=['no seal', 'no seal, one array', 'another array', 'type', 'shape', 'integers', 'pickle',
         'content', 'empty', 'noise'])
def test_a_file_with_another_content_is_made_anew_and_replaced(tmp_path, told, change):
    change(filled(tmp_path))
    line, = made_anew(tmp_path, told)
    assert 'is made anew' in line and str(tmp_path) in line
    assert asked(tmp_path)[1] == 0 and told() == []


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(tmp_path, told):
    pipe_there(filled(tmp_path))
    assert 'it is no file' in made_anew(tmp_path, told)[0]


def test_a_folder_in_the_place_of_the_file_stays(tmp_path, told):
    path = filled(tmp_path)
    folder_there(path)
    line, = made_anew(tmp_path, told)
    assert 'it is no file' in line and 'is not kept' in line and path.is_dir()


def test_a_file_that_may_not_be_read_is_made_anew(tmp_path, told, monkeypatch):
    path, opened = filled(tmp_path), Path.open

    def refused(self, *arguments, **named):
        if self == path:
            raise PermissionError(errno.EACCES, 'Permission denied')
        return opened(self, *arguments, **named)

    monkeypatch.setattr(Path, 'open', refused)
    assert 'Permission denied' in made_anew(tmp_path, told)[0]


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_nothing_costs_a_line(tmp_path, told, monkeypatch, code):
    def refused(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, 'fsync', refused)
        line, = made_anew(tmp_path, told)
    assert os.strerror(code) in line and 'is not kept' in line
    assert list(tmp_path.iterdir()) == []
    assert asked(tmp_path)[1] == 1 and asked(tmp_path)[1] == 0


def test_a_file_in_the_place_of_the_folder_costs_a_line(tmp_path, told):
    (tmp_path / 'folder').write_text('in the way')
    made_anew(tmp_path / 'folder', told)


def test_without_a_home_directory_one_line_says_what_to_set(told, monkeypatch):
    def homeless():
        raise RuntimeError('Could not determine home directory.')

    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setattr(Path, 'home', homeless)
    assert 'set XDG_CACHE_HOME' in made_anew(None, told)[0]


def test_what_the_computation_raises_is_the_callers(tmp_path):
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cached('x', 'key', ARRAYS, fail, tmp_path)
