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

"""Settings are validated, and an error names the value and the rule."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo import ScpoSettings, ScpoUpdater


def test_defaults_are_those_of_the_ablation():
    s = ScpoSettings()
    assert (s.directions, s.radius, s.trust_radius, s.accept_margin, s.plan_margin) == (
        16, 1e-3, 0.5, 0.02, 0.025)
    assert (s.initial_smoothness, s.smoothness_growth, s.smoothness_decay, s.smoothness_cap) == (
        1.0, 2.0, 0.8, 1e5)
    assert (s.max_tries, s.antithetic, s.noise, s.history, s.gap_tolerance) == (
        6, False, 0.0, 4, 1e-9)


@pytest.mark.parametrize('name, value', [
    ('directions', 0), ('directions', 2.5), ('directions', True), ('radius', 0.0),
    ('radius', np.nan), ('radius', '1e-3'), ('trust_radius', 1e-4), ('trust_radius', np.inf),
    ('accept_margin', -0.1), ('accept_margin', 0.025), ('plan_margin', 0.02),
    ('initial_smoothness', 0.0), ('initial_smoothness', 1e6), ('smoothness_growth', 1.0),
    ('smoothness_decay', 0.0), ('smoothness_decay', 1.1), ('smoothness_floor', 0.0),
    ('smoothness_cap', 0.5), ('max_tries', 0), ('antithetic', 1), ('noise', -1e-3),
    ('noise', 0.03), ('history', -1), ('gap_tolerance', 0.0),
    ('gap_tolerance', 1e-8), ('min_step', 0.0), ('memory', 0),
    ('kind', 'promised'), ('kind', None)])
def test_bad_values_raise_with_a_name(name, value):
    with pytest.raises(ConfigurationError) as error:
        ScpoSettings(**{name: value})
    assert error.value.name in str(error.value) and error.value.rule in str(error.value)


def test_numpy_numbers_are_numbers():
    s = ScpoSettings(directions=np.int64(4), radius=np.float64(1e-2), antithetic=np.bool_(True))
    assert s.directions == 4


def test_unknown_settings_raise():
    with pytest.raises(ConfigurationError, match='trust_radios'):
        ScpoUpdater(lambda t: t, np.zeros(2), rng=0, trust_radios=1.0)


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        ScpoSettings().radius = 1.0
