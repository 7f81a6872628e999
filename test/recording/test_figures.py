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

"""Pictures do not depend on what the user has set for matplotlib, and leave it as it was."""

import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

import ahead
import pytest

ROOT = Path(__file__).parents[2]
DRAWN = """
import sys
from scpo_ros.recording.figures import Figure, own_style, plt
from scpo_ros.experiments.results import write_figure
import scpo_ros.recording.picture
with own_style():
    figure, axes = plt.subplots()
    axes.set_title('loss_% of a_policy')
write_figure(sys.argv[1], figure)
"""


def drawn(backend, style):
    """Return the finished process that draws a picture, and the size of that [bytes]."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / 'matplotlibrc').write_text(style)
        ended = ahead.finished(
            [sys.executable, '-c', DRAWN, str(folder / 'a.png')], cwd=ROOT, env={
                **os.environ, 'MPLBACKEND': backend,
                'MATPLOTLIBRC': str(folder / 'matplotlibrc')})
        return ended, (folder / 'a.png').stat().st_size if ended.returncode == 0 else 0


def begin_ahead(items):
    for item in items:
        if item.function is test_a_picture_is_drawn_whatever_the_user_has_set:
            ahead.once(drawn, item.callspec.params['backend'], item.callspec.params['style'])


@pytest.mark.parametrize('backend', ['module://matplotlib_inline.backend_inline', 'TkAgg', 'none'])
@pytest.mark.parametrize('style', ['text.usetex: True', 'figure.dpi: 1'])
def test_a_picture_is_drawn_whatever_the_user_has_set(backend, style):
    ended, size = ahead.once(drawn, backend, style).result()
    assert ended.returncode == 0, ended.stderr
    assert size > 5000


def test_the_users_style_is_back_afterwards():
    import matplotlib
    from scpo_ros.recording.figures import own_style
    with matplotlib.rc_context({'text.usetex': True}):
        with own_style():
            assert not matplotlib.rcParams['text.usetex']
        assert matplotlib.rcParams['text.usetex']


def test_matplotlib_is_imported_at_one_place():
    """Where else it is imported, an unknown backend of the environment ends the process."""
    found = [path.name for path in (ROOT / 'scpo_ros').rglob('*.py')
             if 'import matplotlib' in path.read_text() or 'from matplotlib' in path.read_text()]
    assert found == ['figures.py']
