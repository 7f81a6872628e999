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

"""Hostile states against the control loop: order, stamps, numbers; clocks set, resets."""

from types import SimpleNamespace

from assurance.attack_policy import Target
import numpy as np
from scpo_ros.config import PlantConfig
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.nodes.conversions import read_state, stamp_of, state_message
from scpo_ros.policy.safety_filter import NearestInputFilter
from scpo_ros.systems.plant import SimulatedPlant


NUMBERS = [np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 1e150, 0.0, -0.0, 5.0]
FRAMES = ['', 'episode', 'episode/', 'episode/-1', 'episode/x', 'world', 'episode/\u00b2',
          'episode/' + '9' * 5000, 'episode/1/2', 'episode/\u0663\u0664', 'x' * 10**5]


def hostile_state(rng, present):
    """Return (kind, message) of a state that no honest plant would send now."""
    kind = str(rng.choice(['not finite', 'frame', 'sizes', 'past', 'future', 'same stamp']))
    time, x, applied = present.time, np.array(present.x), present.applied
    if kind == 'not finite':
        message = state_message(stamp_of(time + 0.1), 0, rng.choice(NUMBERS[:3], 2), applied)
    elif kind == 'frame':
        message = state_message(stamp_of(time + 0.1), 0, x, applied)
        message.header.frame_id = str(rng.choice(FRAMES))
        if message.header.frame_id == 'episode/\u0663\u0664':
            message.position[0] = np.nan
    elif kind == 'sizes':
        message = state_message(stamp_of(time + 0.1), 0, x, applied)
        setattr(message, str(rng.choice(['position', 'velocity', 'effort'])),
                [0.0] * int(rng.choice([0, 2, 1000])))
    elif kind == 'past':
        message = state_message(stamp_of(time - 0.1 * rng.integers(1, 10**5)), 0, x, applied)
    elif kind == 'future':
        ahead = 0.1 * rng.integers(10, 10**6)
        message = state_message(stamp_of(time + ahead), 0, rng.choice(NUMBERS[3:], 2), applied)
    else:
        message = state_message(stamp_of(time), 0, x + rng.normal(size=2), applied)
    return f'state: {kind}', message


def attack(learnt, oracle, tally, rng, count):
    """Interleave hostile states with those of a plant; its loop must not notice."""
    target = Target(learnt)
    admission = target.fresh()
    task = learnt.task
    loop = ControlLoop(task, NearestInputFilter(task, admission.gate.running.theta), admission,
                       StateWatch(0.1, 0.5), ModelMonitor(task, 60))
    plant = SimulatedPlant(task.system, task.safe_set, PlantConfig(seed=int(rng.integers(10**6))))
    sent, running = 0, admission.gate.running
    while sent < count:
        state = plant.state
        seen = SimpleNamespace(time=1e5 + 0.1 * state.step, episode=state.episode, x=state.x,
                               applied=state.applied)
        reply = loop.answer(seen)
        if reply is None or not np.all(
                np.abs(reply.u) <= task.system.input_limit):
            tally.fail('limit_violations', f'no admissible answer to {seen}')
            return
        for _ in range(rng.integers(0, 5)):  # never three hostile ones of one time line in a row
            kind, message = hostile_state(rng, seen)
            tally.tried(kind)
            sent += 1
            try:
                answer = loop.answer(read_state(message))
            except InvalidArrayError as error:
                tally.refusal(kind, str(error))
                continue
            if answer is None:
                tally.refusal(kind, 'counted: it does not follow the time line')
            else:
                tally.fail('limit_violations', f'{kind}: a hostile state was acted upon')
        plant.advance(reply.u)
    if plant.limit_violations or admission.gate.running is not running or (
            admission.gate.revoked):
        tally.fail('limit_violations', 'hostile states disturbed the loop: '
                   f'{plant.limit_violations} violations, revoked: {admission.gate.revoked!r}')


def attack_clock(learnt, oracle, tally, rng, count):
    """Set the plant's clock by any amount; the loop must find its way back, within the limits."""
    target = Target(learnt)
    admission, task = target.fresh(), learnt.task
    loop = ControlLoop(task, NearestInputFilter(task, admission.gate.running.theta), admission,
                       StateWatch(0.1, 0.5), ModelMonitor(task, 60))
    plant = SimulatedPlant(task.system, task.safe_set, PlantConfig(seed=int(rng.integers(10**6))))
    offset = 1e6
    for _ in range(count):
        offset += float(rng.choice([-1, 1])) * 10 ** rng.uniform(0.3, 6)
        tally.tried('clock: set')
        unanswered = 0
        for _ in range(rng.integers(5, 20)):
            state = plant.state
            reply = loop.answer(SimpleNamespace(
                time=offset + 0.1 * state.step, episode=state.episode, x=state.x,
                applied=state.applied))
            unanswered = 0 if reply is not None else unanswered + 1
            if unanswered > 3:
                tally.fail('controller_crashes', f'deaf after the clock was set to {offset}')
                return
            # an unanswered state is braked for: the harness does not hold the last input
            plant.advance(reply.u if reply is not None
                          else task.system.saturate(-state.x[1:] / 0.1))
        tally.take('clock: set')
    if plant.limit_violations:
        tally.fail('limit_violations', f'{plant.limit_violations} after clocks were set')


def attack_reset(learnt, oracle, tally, rng, count):
    """
    Reset the plant at any moment, often in a row, while answers are on their way.

    Only the answer to a state that a reset follows comes late, in the next episode: an answer that
    is late for another reason, and an episode at every other state, are faults of the plant, for
    which the monitor has to revoke.
    """
    target = Target(learnt)
    admission, task = target.fresh(), learnt.task
    loop = ControlLoop(task, NearestInputFilter(task, admission.gate.running.theta), admission,
                       StateWatch(0.1, 0.5), ModelMonitor(task, 60))
    plant = SimulatedPlant(task.system, task.safe_set, PlantConfig(
        seed=int(rng.integers(10**6)), episode_steps=25))
    sent, command, underway = 0, None, []
    while sent < count:
        state = plant.state
        reply = loop.answer(SimpleNamespace(time=1e5 + 0.1 * state.step, episode=state.episode,
                                            x=state.x, applied=state.applied))
        if reply is None:
            tally.fail('limit_violations', f'no answer to the state of step {state.step}')
            return
        underway.append((state.step, state.episode, reply.u))
        resets = int(rng.integers(1, 4)) if rng.uniform() < 0.1 else 0
        for _ in range(resets):
            plant.reset()
            tally.tried('reset: while an answer is on its way')
            sent += 1
        if not resets or rng.uniform() < 0.5:  # else it comes late, in another episode
            command = next((c for c in underway if c[0] == state.step), None)
            underway = []
        present = plant.state
        after = plant.advance(None if command is None else command[2])
        if command is not None and after.episode == present.episode != command[1]:
            tally.fail('limit_violations', 'the answer to a state of another episode was applied')
        command = None
    if plant.limit_violations or admission.gate.revoked:
        tally.fail('limit_violations', f'resets: {plant.limit_violations} violations, revoked: '
                   f'{admission.gate.revoked!r}')
    tally.take('reset: while an answer is on its way')
