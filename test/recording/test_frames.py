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

"""Frames of a motion: one for each state, and none where a machine does not draw."""

import json
from types import SimpleNamespace

from matplotlib.image import imread
import numpy as np
from physics_samples import needs_mujoco
import pytest
from scpo_ros.config import SystemSpec
from scpo_ros.config.system_spec import DescriptionConfig
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.physics.wheel import mujoco
from scpo_ros.recording import frames
from scpo_ros.report import _chosen

RAIL = SystemSpec(DescriptionConfig('rail_slider'))


class Painter:
    """Draws the position of a carriage as the brightness of a small frame."""

    def __init__(self, model, height, width):
        self._shape = height, width, 3

    def update_scene(self, data, camera):
        assert camera == 0
        self._shade = round(100 + 100 * data.qpos[0])

    def render(self):
        return np.full(self._shape, self._shade, dtype=np.uint8)


class Package:
    """The package mujoco, with another painter."""

    Renderer = Painter

    def __getattr__(self, name):
        return getattr(mujoco(), name)


def asked(states, model=''):
    """Return what the process that draws reads, as it comes out of a pipe."""
    return json.loads(json.dumps({
        'spec': {name: item for name, (item, _) in flatten(RAIL).items()}, 'model': model,
        'states': states}))


@needs_mujoco
def test_every_state_has_its_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, 'mujoco', Package)
    path = tmp_path / 'frames.png'
    frames.draw(asked([[-0.5, 0], [0.0, 0.1], [0.5, 0]]), str(path))
    image = np.round(255 * imread(path)[..., 0])
    assert image.shape == (180, 3 * 240)
    assert [image[0, 240 * k] for k in range(3)] == [50, 100, 150]


@needs_mujoco
def test_a_model_that_is_not_there_gives_no_frames(tmp_path):
    with pytest.raises(ConfigurationError, match='cannot be read'):
        frames.draw(asked([[0, 0]], str(tmp_path / 'gone.xml')), str(tmp_path / 'frames.png'))
    assert frames.strip(RAIL, str(tmp_path / 'gone.xml'), np.zeros((1, 2))) == b''


def test_a_process_that_does_not_end_gives_no_frames(monkeypatch):
    monkeypatch.setattr(frames, '_PATIENCE_S', 0.01)
    assert frames.strip(RAIL, '', np.zeros((1, 2))) == b''


@pytest.mark.parametrize('episodes, first, last', [
    ([0] * 20, 0, 19), ([0] * 10 + [1] * 8 + [2] * 3, 10, 17)])
def test_the_last_whole_episode_is_shown(episodes, first, last):
    states = [SimpleNamespace(episode=episode, x=np.array([place, 0.0]))
              for place, episode in enumerate(episodes)]
    shown = _chosen(SimpleNamespace(states=states))
    assert (shown[0, 0], shown[-1, 0], len(shown)) == (first, last, 6)
    assert np.all(np.diff(shown[:, 0]) > 0)
