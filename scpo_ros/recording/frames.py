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
Frames of a motion, side by side: a strip of pictures of a MuJoCo model at given states.

They are drawn in a process of its own, since a graphics driver may crash: python -m
scpo_ros.recording.frames FILE.png draws what it reads on standard input.
"""

from collections.abc import Mapping
import json
import os
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.config import Specification
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.physics.mjcf import compiled, file_of, numbers_of
from scpo_ros.physics.places import places_of
from scpo_ros.physics.wheel import mujoco

_HEIGHT, _WIDTH = 180, 240  # of a frame [pixels]
_PATIENCE_S = 60.0  # longest wait for the process that draws [s]


def strip(spec: Specification, model: str, states: Array) -> bytes:
    """
    Return a PNG with a frame for each state; b'' where this machine does not draw it.

    :param model: path of an MJCF file, '' for the shipped one. :param states: (k, n).
    """
    asked = {'spec': {name: item for name, (item, _) in flatten(spec).items()}, 'model': model,
             'states': np.asarray(states).tolist()}
    shown = {} if os.environ.get('DISPLAY') else {'MUJOCO_GL': 'egl'}
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'frames.png'
        try:
            subprocess.run([sys.executable, '-m', 'scpo_ros.recording.frames', str(path)],
                           input=json.dumps(asked), text=True, capture_output=True,
                           timeout=_PATIENCE_S, env={**shown, **os.environ}, check=True)
            return path.read_bytes()
        except (OSError, subprocess.SubprocessError):
            return b''


def draw(asked: Mapping[str, object], path: str) -> None:
    """
    Draw what :func:`strip` asks for.

    :raises ScpoRosError: for a bad specification, or a model that does not fit it.
    """
    from scpo_ros.recording.figures import plt  # takes long to import
    package, values = mujoco(), asked['spec']
    if not isinstance(values, dict):
        raise ScpoRosError('the specification must be a mapping')
    wiring = wiring_of(build_spec(values))
    model = compiled(package, file_of(wiring.name, str(asked['model'])), numbers_of(wiring))
    places, data = places_of(package, model, wiring.layout), package.MjData(model)
    renderer, frames = package.Renderer(model, _HEIGHT, _WIDTH), []
    for x in np.array(asked['states'], dtype=np.float64):
        places.write(data, x)
        package.mj_forward(model, data)
        renderer.update_scene(data, 0 if model.ncam else -1)
        frames.append(np.array(renderer.render()))
    plt.imsave(path, np.hstack(frames))


if __name__ == '__main__':
    try:
        draw(json.load(sys.stdin), sys.argv[1])
    except ScpoRosError as error:
        sys.exit(str(error))
