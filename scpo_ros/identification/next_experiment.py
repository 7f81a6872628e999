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

"""The experiment that would show what a recording does not: which input, how far, how long."""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.identification.excitation import Direction
from scpo_ros.systems.description import SystemDescription

_FAR = 0.5  # of the limits
_SPREAD = _FAR / np.sqrt(3)  # root mean square of what is uniform up to that, over the limits
_WANTED = 0.25  # uncertainty over the observed half-widths
_UNIFORM = 1 / np.sqrt(3)  # standard deviation over the half-width, of a uniform disturbance
_FEWEST = 500  # transitions
_STEPS = 20  # within which an input moves a state


def next_experiment(description: SystemDescription, step: Array, direction: Direction,
                    radius: float) -> str:
    """
    Return a sentence with the recommended experiment.

    It is so long that the uncertainty along a direction becomes a quarter of what a uniform
    disturbance leaves, when regressors spread evenly over half of their limits.

    :param step: (n, n + m), [A, B] of a step. :param radius: of the joint region.
    """
    main = int(np.argmax(np.abs(direction.weights)))
    n = description.n
    moved = main - n if main >= n else _strongest(description, step, main)
    entry = description.inputs[moved]
    needed = (radius * _UNIFORM * float(np.sum(np.abs(direction.weights)))
              / (_WANTED * _SPREAD))**2
    seconds = max(_FEWEST, needed) * description.dt
    reach = '' if main >= n else (
        f', so that {description.states[main].name} uses half of its limits')
    return (f'next experiment: move {entry.name} at random between {_FAR * entry.lower:g} and '
            f'{_FAR * entry.upper:g} {entry.unit}, independent of the state, with a new value '
            f'every 1 to 10 steps{reach}, for {seconds:.0f} s or longer')


def _strongest(description: SystemDescription, step: Array, state: int) -> int:
    """Return the input that moves a state most, within a number of steps."""
    n = description.n
    A, B = step[:, :n], step[:, n:]
    size = np.array([max(-entry.lower, entry.upper) for entry in description.inputs])
    effect, power = np.zeros(len(size)), B
    for _ in range(_STEPS):
        effect = np.maximum(effect, np.abs(power[state]) * size)
        power = A @ power
    return int(np.argmax(effect))
