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
A short genuine run, made headless of the parts that the nodes are made of, written into a bag.

One policy is refused by the controller (its verification takes too long), one command comes too
late. The specification is small, so that updates take milliseconds.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.collection import RolloutCollector, Sample
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.arrays import digest
from scpo_ros.bringup.simulated_plant import simulated_plant
from scpo_ros.config import AdapterConfig, ControllerConfig, PlantConfig, Spec
from scpo_ros.config.validation import build
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.experts.specified_experts import experts_of
from scpo_ros.interface.claim import claim_values
from scpo_ros.interface.joint_layout import SLIDER
from scpo_ros.interface.policy_codec import identity_values, policy_values
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.policy.safety_filter import Source
from scpo_ros.recording.bag import Bag, BagWriter, PARAMETERS, profile, Recorded, TYPES
from scpo_ros.systems.lookahead import Lookahead
from scpo_ros.verification.specified import task_of, verifier_of
import yaml


SMALL = {'metrics.design_states': 16, 'metrics.verification_states': 30,
         'metrics.invariance_states': 3000}
ADAPTER = {'min_demonstrations': 10, 'rollout_steps': 10}
CONTROLLER = {'swap_dwell_s': 1.0}
STEPS, UPDATE_STEPS, LATE_COMMAND, REFUSED = 75, 5, 36, 5
BEGAN = 1000.0  # stamp of the first state, and the wall clock then [s]
EVENT, STATE = 'rcl_interfaces/msg/ParameterEvent', 'sensor_msgs/msg/JointState'
NUMBER, TRAJECTORY = 'std_msgs/msg/Float64', 'trajectory_msgs/msg/JointTrajectory'
LATCHED = ('/scpo/policy', '/scpo/controller/active_policy')


@dataclass(frozen=True)
class Entry:
    """A message to be written."""

    time: float  # of its recording [s]
    topic: str
    kind: str
    message: object


def make(kind, *values):
    """Return a message of a type."""
    package, name = kind.split('/')
    return TYPES.types[f'{package}/msg/{name}'](*values)


def stamp(time):
    nanoseconds = round(time * 1e9)
    return make('builtin_interfaces/Time', nanoseconds // 10**9, nanoseconds % 10**9)


def joint_state(time, frame, position, velocity, effort, names=('slider',)):
    arrays = [np.array(values, dtype=float) for values in (position, velocity, effort)]
    return make('sensor_msgs/JointState', make('std_msgs/Header', stamp(time), frame),
                list(names), *arrays)


def of_joints(time, frame, layout, x, u):
    """Return the JointState of a layout. :param x: states (n,), or None for a command."""
    names = layout.command_joints if x is None else layout.joints
    return joint_state(time, frame, *layout.fields_of(names, x, u).values(), names)


def parameter(name, item):
    empty = [np.zeros(0, dtype) for dtype in (np.uint8, bool, np.int64, np.float64)]
    kind, integer, number, text = 8, 0, 0.0, ''
    if isinstance(item, str):
        kind, text = 4, item
    elif isinstance(item, (int, np.integer)):
        kind, integer = 2, int(item)
    elif isinstance(item, (float, np.floating)):
        kind, number = 3, float(item)
    else:
        empty[3] = np.array(item, dtype=float)
    return make('rcl_interfaces/Parameter', name, make(
        'rcl_interfaces/ParameterValue', kind, False, integer, number, text, *empty, []))


def event(time, node, values):
    return make('rcl_interfaces/ParameterEvent', stamp(time), node, [],
                [parameter(name, item) for name, item in values.items()], [])


def trajectory(time, frame, dt, x, u, layout=SLIDER):
    points = []
    for k, (s, a) in enumerate(zip(x, u)):
        position, velocity, effort = map(
            np.array, layout.fields_of(layout.joints, s, a).values())
        points.append(make(
            'trajectory_msgs/JointTrajectoryPoint', position, velocity, np.zeros(0), effort,
            make('builtin_interfaces/Duration', *divmod(round(k * dt * 1e9), 10**9))))
    return make('trajectory_msgs/JointTrajectory',
                make('std_msgs/Header', stamp(time), frame), list(layout.joints), points)


class Run:
    """The closed loop in one process; every message goes onto the tape."""

    def __init__(self, spec, late_commands=(), short=(), adapter=ADAPTER):
        """Build plant, controller, adapter and expert."""
        self.late_commands, self.short = late_commands, short
        self.task = task_of(spec)
        system, theta = self.task.system, self.task.initial_theta
        self.plant = simulated_plant(spec, PlantConfig(seed=4, episode_steps=30))
        controller = build(ControllerConfig, CONTROLLER)
        self.gate = PolicyGate(backup_record(theta, self.task.digest),
                               controller.certified_margin, controller.swap_dwell_s,
                               self.task.kind)
        self.lookahead = Lookahead(system, self.task.silent_law)
        self.law, self.verifier = self.task.law(theta), verifier_of(
            spec, controller.certified_margin)
        config = build(AdapterConfig, adapter)
        self.adaptation = Adaptation(spec, config, task=self.task)
        self.chain = PolicyChain(self.task.digest)
        self.collector, self.rollouts = RolloutCollector(config.rollout_steps, system), []
        self.expert = experts_of(spec).law('overspeed')
        self.tape, self.clock, self.seen = [], BEGAN, []
        self.accepted, self.refused, self.config = 0, 0, config

    def say(self, topic, kind, message):
        self.clock += 1e-4
        self.tape.append(Entry(self.clock, topic, kind, message))

    def number(self, topic, value):
        self.say(f'/scpo/{topic}', NUMBER, make('std_msgs/Float64', float(value)))

    def announce(self):
        gate = self.gate
        self.say('/scpo/controller/active_policy', EVENT, event(
            self.clock, '/scpo/controller', {
                **identity_values(gate.running), **claim_values(gate.claim),
                'ready.version': gate.newest.version,
                'refused.version': gate.refused.version, 'refused.kind': gate.refused.kind.value,
                'refused.reason': gate.refused.reason, 'refused.count': gate.refusals}))

    def publish(self, theta, certificate):
        record = self.chain.append(theta, certificate)
        self.say('/scpo/policy', EVENT, event(
            self.clock, '/scpo/adapter', policy_values(record)))
        self.number('adapter/metrics/policy_version', record.version)
        if not self.gate.submit(record):
            return  # version 0, which the controller has
        verdict = self.verifier.judge(record.theta)
        in_time = record.version != REFUSED
        self.gate.verdict(verdict.safe and in_time,
                          verdict.reason or 'judge: no answer within the time limit',
                          claim=verdict.claim)
        self.announce()
        if self.gate.newest is not record:
            self.chain.base = self.gate.newest.version
            self.adaptation.restore(self.chain[self.chain.base].theta)

    def kick(self):
        """Push the plant as no admitted disturbance does: certificates are revoked."""
        self.plant.x = self.plant.x + [0.0, 0.02]
        self.plant.state = replace(self.plant.state, x=self.plant.x)
        self.gate.revoke(self.clock, 'the model does not hold')
        self.law.swap(self.task.initial_theta)
        self.announce()

    def restart_adapter(self):
        """Start the adapter again: it is refused, and goes on from what the robot runs."""
        self.adaptation = Adaptation(self.task.spec, self.config, task=self.task)
        self.chain, running = PolicyChain(self.task.digest), self.gate.running
        begun = self.adaptation.begin()
        self.publish(begun.theta, begun.certificate)
        self.announce()
        self.chain.adopt(running.version, running.theta, running.digest)
        self.adaptation.restore(running.theta)

    def restart_controller(self):
        """Start the controller again: it begins with the backup, and gets the policy anew."""
        backup = self.task.initial_theta
        self.gate = PolicyGate(backup_record(backup, self.task.digest), 0.02, 1.0,
                               self.task.kind)
        self.law.swap(backup)
        self.announce()
        self.gate.submit(self.chain.latest)  # the latched one, whose parent it does not know
        self.announce()
        self.chain.base = 0

    def step(self, k):
        """Let one step of the plant pass, and whatever the others do in it."""
        time, state = BEGAN + k * self.task.system.dt, self.plant.state
        self.clock = time
        self.say('/scpo/joint_states', STATE, of_joints(
            time, f'episode/{state.episode}', self.task.layout, state.x, state.applied))
        ahead = self.lookahead.see(Sample(
            time, state.episode, state.x, state.applied, '', np.zeros(0)))
        record = self.gate.swap(time, bool(self.task.contains(ahead)))
        if record is not None:
            self.law.swap(record.theta)
            self.announce()
        action = (self.law.without_policy(ahead) if k in self.short
                  else self.law.act(ahead))
        self.lookahead.answered(action.u)
        source = Source.REVOKED if self.gate.revoked else action.source
        frame = f'{source.value}/{self.gate.running.version}'
        self.say('/scpo/joint_command', STATE, of_joints(
            time, frame, self.task.layout, None, action.u))
        self.number('controller/metrics/guard_interventions', action.source is not Source.POLICY)
        self.collect(time, state, frame, action.u)
        self.plant.advance(None if k in self.late_commands else action.u)
        if k % 10 == 9:
            self.number('plant/metrics/deadline_misses', self.plant.deadline_misses)

    def collect(self, time, state, frame, u):
        self.seen.append(state.x)
        rollout = self.collector.add(
            Sample(time, state.episode, state.x, state.applied, frame, u))
        if rollout is not None:
            self.rollouts.append(rollout)
            self.say('/scpo/adapter/rollouts', TRAJECTORY, trajectory(
                rollout.time, 'plant', self.task.system.dt, rollout.x, rollout.u,
                self.task.layout))

    def learn(self):
        x = np.array(self.seen[-UPDATE_STEPS:])
        actions = self.expert(x)
        self.say('/scpo/demonstrations', TRAJECTORY, trajectory(
            self.clock, 'overspeed', self.task.system.dt, x, actions, self.task.layout))
        reports = self.adaptation.step([(x, actions)], self.rollouts)
        self.rollouts = []
        for report in reports:
            before = self.chain.latest.version
            if report.changed and digest(report.theta) != self.chain[self.chain.base].digest:
                self.publish(report.theta, report.certificate)
            if report.outcome == 'FEW_DEMONSTRATIONS':
                continue
            self.accepted += self.chain.latest.version > before
            self.refused += self.chain.latest.version == before
            for name, value in (('loss', report.loss), ('worst_metric', report.worst)):
                if np.isfinite(value):
                    self.number(f'adapter/metrics/{name}', value)
            self.number('adapter/metrics/accepted_total', self.accepted)
            self.number('adapter/metrics/refused_total', self.refused)


@lru_cache(maxsize=8)
def genuine(restarts=False, kicked=STEPS, more=(), late_commands=(LATE_COMMAND,), short=()):
    """
    Return the entries of a run of the double integrator.

    :param restarts: whether adapter and controller are started again.
    :param kicked: step before which something pushes the plant.
    :param more: (name, value) pairs of the specification.
    :param late_commands: steps whose command comes too late.
    :param short: steps at which the cost budget has the backup answer.
    """
    run = Run(build(Spec, {**SMALL, **dict(more)}), late_commands, short)
    return played(run, restarts, kicked)


def played(run, restarts=False, kicked=STEPS, steps=STEPS):
    """Let a run begin and pass; return its entries."""
    run.announce()
    for k in range(steps):
        if k == kicked:
            run.kick()
        run.step(k)
        if k >= kicked:
            continue
        if k == 0:
            begun = run.adaptation.begin()
            run.publish(begun.theta, begun.certificate)
        elif restarts and k == 32:
            run.restart_controller()
        elif restarts and k == 34:
            again = run.adaptation.begin()
            run.publish(again.theta, again.certificate)
        elif restarts and k > 45 and run.gate.ready is None and run.chain.base > 2:
            restarts = run.restart_adapter()
        elif k % UPDATE_STEPS == 0:
            run.learn()
    return tuple(run.tape)


def parameters(more=()):
    """Return the text of the parameter file of the run."""
    return yaml.safe_dump({
        '/**': {'ros__parameters': {**SMALL, **dict(more)}},
        **{f'/scpo/{node}': {'ros__parameters': given} for node, given in (
            ('adapter', ADAPTER), ('controller', CONTROLLER),
            ('plant', {'seed': 4, 'episode_steps': 30}))}})


def late(entries, time):
    """Return what a recorder that came at a time would have got: latched messages again."""
    again = [max((e for e in entries if e.topic == topic and e.time < time),
                 key=lambda e: e.time) for topic in LATCHED]
    return (*(replace(e, time=time) for e in again), *(e for e in entries if e.time >= time))


def in_memory(entries, data=None):
    """Return the bag of entries that reading it from a disk would give, quicker."""
    entries = sorted(entries, key=lambda e: e.time)
    messages = []
    for entry in entries:
        raw = bytes(TYPES.serialize_cdr(entry.message, entry.kind))
        messages.append(Recorded(entry.time - entries[0].time, entry.topic, entry.kind, raw))
    return Bag(Path('memory'), entries[0].time, tuple(messages),
               {entry.topic: entry.kind for entry in entries}, {},
               {PARAMETERS: parameters()} if data is None else data)


def write(path, entries, data=None):
    """Write a bag of entries, with the parameters of the run, and return its path."""
    writer = BagWriter(path, {PARAMETERS: parameters()} if data is None else data)
    for entry in entries:
        writer.add(entry.topic, entry.kind, [profile(True, entry.topic in LATCHED, 10)])
        writer.write(entry.topic, round(entry.time * 1e9),
                     TYPES.serialize_cdr(entry.message, entry.kind))
    writer.close()
    return path
