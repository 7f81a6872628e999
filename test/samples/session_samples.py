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

"""A session, and what topics and worker tell it, for tests of the adapter's bookkeeping."""

import numpy as np
from scpo_ros.adapter.report import AdaptationReport, Description
from scpo_ros.adapter.requests import (
    Begin, Describe, Propose, Reconfigure, Reset, Restore, Resume, Step)
from scpo_ros.arrays import digest
from scpo_ros.config import SystemConfig
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.nodes.conversions import State
from scpo_ros.process.requests import Answer, Fault
from scpo_ros.scpo import Certificate
from scpo_ros.systems.linear_system import double_integrator


SYSTEM = double_integrator(SystemConfig())
DT = SYSTEM.dt
APPLIED = 0.5
SPEC = 'spec'
WEIGHTS = np.zeros(3)
STEP, PROPOSE, RESET = Step((), ()), Propose(WEIGHTS), Reset()
RESTORE, RESUME = Restore(WEIGHTS), Resume(WEIGHTS)
DESCRIBED = Answer(Describe(), Description(SPEC, np.zeros((4, 2))))


def answer(request, *reports, failure='', fault=Fault.NONE):
    """Return what the worker answers: reports, or a failure."""
    silent = failure or isinstance(request, Reconfigure)
    return Answer(request, None if silent else reports, failure, fault)


def report(number, outcome='ACCEPTED', changed=True, parent='', **values):
    """Return the report of an update after which every weight is `number`."""
    theta = np.full(3, float(number))
    certificate = Certificate('sampled', '', [-1.0], [-1.0], [1.0], 0.02, digest(theta), parent,
                              0.0, 0.0, 1, -1.0)
    return AdaptationReport(outcome, values.pop('reason', 'because'), theta, certificate, changed,
                            0.1, -0.1, 1.0, **values)


def begun(session):
    """Return the session after it has published the backup."""
    assert session.next_request(True) == Describe()
    assert session.conclude(DESCRIBED) == []
    assert session.next_request(True) == Begin()
    records = session.conclude(answer(Begin(), report(0, 'UNCHANGED')))
    assert [(r.version, r.parent) for r in records] == [(0, 0)]
    return watching(session)


def watching(session):
    """Return the session after it has seen a window of states that can be judged."""
    for step in range(-20, 0):
        show(session, step)
    return session


def show(session, step, episode=0, applied=APPLIED):
    """Show the session a state."""
    session.seen.add_state(State(
        None, step * DT, episode, np.array([0.1 * step, 0.0]), np.array([applied])))


def tick(session, step, source='policy/0', episode=0, applied=APPLIED):
    """Show the session a state and the command that answers it; return the rollout it makes."""
    show(session, step, episode, applied)
    return session.add_command(step * DT, source, np.array([APPLIED]))


def acknowledgement(version, ready=None, refused=-1, kind='', refusals=0, theta=None,
                    revoked=''):
    """Return what a controller says that runs a version; the last refusal is of `refused`."""
    theta = np.full(3, float(version)) if theta is None else theta
    return Acknowledgement(theta, version, digest(theta), version if ready is None else ready,
                           refused, RefusalKind(kind), 'a reason', refusals,
                           model_valid=int(not revoked), model_reason=revoked)
