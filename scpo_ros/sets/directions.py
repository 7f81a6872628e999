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

"""Directions that fill the sphere evenly."""

import numpy as np
from scipy.special import ndtri
from scpo_ros.arrays import Array


def directions(count: int, n: int, phase: float) -> Array:
    """
    Return unit vectors (count, n) that fill the sphere evenly.

    They are normal quantiles of the additive recurrence with the steps g^-1 .. g^-n, where g
    solves g^(n + 1) = g + 1 (Roberts 2018, a generalised golden ratio).
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (n + 1))
    steps = ratio ** -np.arange(1.0, n + 1)
    places = (0.5 + (np.arange(count)[:, None] + phase) * steps) % 1.0
    vectors: Array = ndtri(np.clip(places, 1e-12, 1 - 1e-12))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
