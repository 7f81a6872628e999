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

"""Every Python file begins with the header that ament_copyright reads."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEADER = """\
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
PLACES = ('scpo_ros', 'test', 'launch', 'assurance', 'benchmark', '.ci')


def has_header(text):
    """Tell whether a source begins with the header, below a line `#!`; empty files need none."""
    if text.startswith('#!'):
        text = text.partition('\n')[2]
    return not text or text.startswith(f'{HEADER}\n') or text == HEADER


def test_every_file_has_the_header():
    paths = [ROOT / 'setup.py', *(path for place in PLACES
                                  for path in sorted((ROOT / place).rglob('*.py')))]
    assert len(paths) > 300
    bare = [str(path.relative_to(ROOT)) for path in paths
            if not has_header(path.read_text(encoding='utf-8'))]
    assert not bare, '\n'.join(bare)


@pytest.mark.parametrize('text, found', [
    ('', True), (HEADER, True), (f'{HEADER}\nx = 1\n', True), (f'#!/bin/sh\n{HEADER}\n', True),
    ('x = 1\n', False), (f'x = 1\n{HEADER}\n', False), (HEADER.replace('2.0', '2.1'), False),
    (f'{HEADER}# one block with the header\n', False)])
def test_the_header_is_told_from_others(text, found):
    assert has_header(text) == found
