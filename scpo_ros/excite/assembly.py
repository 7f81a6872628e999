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

"""A session, put together as a configuration says. No ROS."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scpo_ros.config import ExciteConfig, Spec, Specification
from scpo_ros.config.system_spec import NAME, PARAMETERS
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.excite.amplitude import Amplitude
from scpo_ros.excite.draft import Draft
from scpo_ros.excite.draws import Draws
from scpo_ros.excite.hold import Hold
from scpo_ros.excite.session import Session
from scpo_ros.excite.timetable import Timetable
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.systems.loading import load
from scpo_ros.systems.system import System
from scpo_ros.verification.system_task import SystemTask

_CALM_S, _CALM_STEPS = 1.0, 10  # of a hold, at least [s, steps]
_LONGEST_S, _LONGEST_STEPS = 10.0, 100  # of a hold, until the excitation ends
_LOOK_S, _LOOK_STEPS = 2.0, 20  # between two changes of the amplitude
_BACK_S, _BACK_STEPS = 5.0, 50  # of the return
_GAP_S = 0.5  # longest jump of the stamps
_STANDS = 1 + 1e-6  # largest mode of a robot that stands where the inputs are 0


def draft_of(spec: Specification) -> SystemTask:
    """
    Return the control task of the draft.

    :raises ConfigurationError: for a bad description, or one without a safe set.
    """
    if isinstance(spec, Spec):
        raise ConfigurationError(
            NAME, PARAMETERS, 'must be a description, which says what is known of the robot: the '
            'path of a file, such as draft.yaml')
    guarded = replace(spec, metrics=replace(spec.metrics, certificate='guarded'))
    return SystemTask.build(load(spec.system.description), guarded)


def session_of(task: SystemTask, config: ExciteConfig, say: Callable[[str], None],
               filtered: bool = True) -> Session:
    """
    Return the session of a draft.

    :param say: told in one sentence what happens. :param filtered: False leaves out the safety
        filter: for demonstrations of the danger.
    """
    system = task.system
    calm = _steps(system, _CALM_S, _CALM_STEPS)
    law = task.law(task.initial_theta, enabled=filtered)
    rest = round(config.rest_s / system.dt) if stands(system) else 0
    if rest == 0 and config.rest_s > 0:
        say(f'no rest: {system.name} does not stand where its inputs are 0')
    return Session(
        Draft(task, law, calm), StateWatch(system.dt, _GAP_S),
        Timetable(rest, rest + max(1, round(config.duration_s / system.dt)),
                  _steps(system, _BACK_S, _BACK_STEPS)),
        Amplitude(config.amplitude, config.largest_amplitude,
                  _steps(system, _LOOK_S, _LOOK_STEPS)),
        Draws(system, config.longest_draw, np.random.default_rng(config.seed)),
        Hold(calm, _steps(system, _LONGEST_S, _LONGEST_STEPS)), say)


def stands(system: System) -> bool:
    """Return whether no mode of the draft grows by itself."""
    return bool(np.max(np.abs(np.linalg.eigvals(system.A))) <= _STANDS)


def _steps(system: System, seconds: float, least: int) -> int:
    return max(least, round(seconds / system.dt))
