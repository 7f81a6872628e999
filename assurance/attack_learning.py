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
Hostile experts, demonstrations and proposals against the adapter's core, and through it.

Everything the adapter publishes goes through the controller's admission; what that lets through is
judged by the oracle.
"""

from types import SimpleNamespace

from assurance.attack_policy import MARGIN, Target
from assurance.attack_states import NUMBERS
from assurance.inline import InlineWorker
from builtin_interfaces.msg import Time
import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig, EXPERTS
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.interface.policy_codec import policy_values
from scpo_ros.nodes.conversions import (
    event_message, read_event, read_policy, read_trajectory, trajectory_message)
from scpo_ros.systems.scenario import interior_states, stress_states

_WATCHED = 20  # states that a session sees before it learns


class Adapter:
    """Session and worker, joined as the node joins them, and a controller behind."""

    def __init__(self, learnt, oracle, tally, rng, learner=None):
        """Start learning from the backup, with an Adaptation or something in its place."""
        config = AdapterConfig(seed=int(rng.integers(1000)), update_period_s=0.01,
                               min_demonstrations=10)
        self.learner = Adaptation(learnt.spec, config) if learner is None else learner
        self._oracle, self._tally, self._config = oracle, tally, config
        self._target, self._now = Target(learnt), 0.0
        self.restart_controller()
        self.restart_adapter()

    def restart_adapter(self):
        """Start the adapter's bookkeeping without a memory."""
        self._worker = InlineWorker(self.learner)
        self.session = Session(self._config, self._target.learnt.task.system)
        for step in range(-_WATCHED, 0):
            self.session.seen.add_state(SimpleNamespace(
                time=self._now + 0.1 * step, episode=0, x=np.zeros(2), applied=np.zeros(1)))
        self.turn('start')
        self.turn('start')

    def restart_controller(self):
        """Start the controller without a ledger: it runs the backup."""
        from scpo_ros.controller.admission import Admission
        from scpo_ros.controller.policy_gate import PolicyGate
        from scpo_ros.interface.policy_record import backup_record
        from scpo_ros.ledger.history import History
        task = self._target.learnt.task
        self.admission = Admission(
            PolicyGate(backup_record(task.initial_theta, task.digest), MARGIN, 0.0,
                       task.kind),
            InlineWorker(self._target.verifier), History('', 'controller'), 20.0)

    def turn(self, kind):
        """Let the adapter do what is due, and the controller with what it publishes."""
        self._now += 0.1
        state = SimpleNamespace(time=self._now, episode=0, x=np.zeros(2), applied=np.zeros(1))
        self.session.seen.add_state(state)
        self.session.add_command(self._now, f'guard/{self._now}', np.zeros(1))
        for _ in range(6):
            request = self.session.next_request(True)
            if request is None:
                return
            self._worker.request(request, timeout=20.0)
            answer = self._worker.poll()
            if not answer.ok and not answer.failure.strip():
                self._tally.fail('refusals_without_reason', f'{kind}: the worker failed silently')
            records = self.session.conclude(answer)
            if self.session.results.last_refused and not self.session.results.reason:
                self._tally.fail('refusals_without_reason', kind)
            for record in records:
                self.receive(kind, record)

    def receive(self, kind, record):
        """Have the controller do with a policy what the node does, and tell the adapter."""
        from scpo_ros.interface.acknowledgement import Acknowledgement
        record = read_policy(event_message(Time(), 'adapter', policy_values(record)))
        self.admission.submit(record)
        for _ in range(3):
            self.admission.poll()
        gate = self.admission.gate
        swapped = self.admission.swap(self._now * 1e3, True)
        if swapped is not None:
            self._tally.figures['policies_checked'] = 1 + self._tally.figures.get(
                'policies_checked', 0)
            danger = self._oracle.danger(swapped.theta)
            if danger:
                self._tally.fail('unsafe_policies_applied', f'{kind}: {danger}')
        found = gate.refused.counterexample
        self.session.acknowledge(Acknowledgement(
            gate.running.theta, gate.running.version, gate.running.digest, gate.newest.version,
            gate.refused.version, gate.refused.kind, gate.refused.reason, gate.refusals,
            np.zeros(0) if found is None else found.x0,
            np.zeros(0) if found is None else found.w.ravel()))


def laws(learnt, adapter, rng):
    """Return the experts {name: (round, states) -> actions}; some of them watch theta."""
    task = learnt.task
    catalogue = ExpertCatalogue(task.system, task.gain)
    known = {name: catalogue.law(name) for name in EXPERTS}  # benign too, for the drift
    push = rng.normal(size=2)

    def drift(k, x):
        """Turn slowly from benign to harmful."""
        share = min(1.0, k / 30)
        return (1 - share) * known['benign'](x) + share * known['energy_pump'](x)

    def alternating(k, x):
        """Contradict himself every time."""
        return known['benign' if k % 2 else 'sign_flip'](x)

    def bang(k, x):
        """Ask for the largest input, in one direction."""
        return np.sign(x @ push)[:, None] * task.system.input_limit

    def outward(k, x):
        """Push every state near the edge over it."""
        return np.sign(x[:, 1:]) * task.system.input_limit

    def adaptive(k, x):
        """See the weights, and ask for a little more of what is still allowed."""
        low, up = task.bounds(x)
        u = task.policy.backup(x)[:, 0] + task.policy.network(
            adapter.learner.updater.theta[None], x)[0, :, 0]
        return np.where(x[:, 1] > 0, np.minimum(up, 1.0), np.maximum(low, -1.0))[:, None] * (
            0.9) + 0.1 * u[:, None]

    def costly(k, x):
        """Stay safe and be useless: oscillate where no limit is near."""
        return 0.5 * np.sin(40 * x[:, :1])

    def noise(k, x):
        """Know nothing."""
        return rng.uniform(-1, 1, (len(x), 1))

    extra = {'drift': drift, 'alternating': alternating, 'bang bang': bang,
             'boundary push': outward, 'adaptive to theta': adaptive, 'blind spot of the cost':
             costly, 'noise': noise}
    return {**{name: (lambda k, x, law=law: law(x)) for name, law in known.items()}, **extra}


def attack_experts(learnt, oracle, tally, rng, count):
    """Have every expert teach in turn; `count` demonstrations in all."""
    names = [name for name in laws(learnt, None, rng) if name != 'benign']
    share = max(2, count // len(names))
    task = learnt.task
    for name in names:
        adapter = Adapter(learnt, oracle, tally, rng)
        law = laws(learnt, adapter, rng)[name]
        for k in range(share):
            pick = stress_states if k % 2 else interior_states
            x = pick(task.safe_set, 12, int(rng.integers(10**6)))
            with np.errstate(all='ignore'):
                u = task.system.saturate(law(k, x))
            tally.tried(f'expert: {name}')
            message = trajectory_message(Time(), name, np.arange(len(x)) * 0.1, x, u[:, 0])
            adapter.session.add_demonstration(*read_trajectory(message))
            adapter.turn(f'expert: {name}')
        for kind in ('accepted', 'refused'):
            key = f'updates_{kind}_under_hostile_experts'
            tally.figures[key] = tally.figures.get(key, 0) + getattr(
                adapter.session.results, kind)


def hostile_demonstration(rng, task, earlier):
    """Return (kind, message)."""
    kind = str(rng.choice(['not finite', 'huge numbers', 'empty', 'huge', 'mislabelled',
                           'replayed', 'sizes', 'outside', 'one state', 'future']))
    x = interior_states(task.safe_set, 8, int(rng.integers(10**6)))
    u = rng.uniform(-1, 1, len(x))
    if kind == 'replayed' and earlier:
        return kind, earlier[rng.integers(len(earlier))]
    if kind == 'not finite':
        (x if rng.integers(2) else u[:, None])[rng.integers(len(x)), 0] = rng.choice(NUMBERS[:3])
    elif kind == 'huge numbers':
        x, u = x * rng.choice([1e308, 1e200, 1e30]), u * 1e308
    elif kind == 'empty':
        x, u = x[:0], u[:0]
    elif kind == 'huge':
        x, u = np.tile(x, (200, 1)), np.tile(u, 200)
    elif kind == 'mislabelled':
        u = -np.sign(x[:, 0]) * rng.choice([1.0, -1.0, 1e6])
    elif kind == 'outside':
        x = x * 50
    elif kind == 'one state':
        x = np.repeat(x[:1], len(x), axis=0)
    stamp = Time(sec=2**31 - 1) if kind == 'future' else Time()
    message = trajectory_message(stamp, kind, np.arange(len(x)) * 0.1, x, u)
    if kind == 'sizes':
        point = message.points[rng.integers(len(message.points))]
        setattr(point, str(rng.choice(['positions', 'velocities', 'effort'])),
                [0.0] * int(rng.choice([0, 2, 500])))
    return kind, message


def attack_demonstrations(learnt, oracle, tally, rng, count):
    """Send hostile demonstrations; the adapter must stay alive and publish nothing dangerous."""
    adapter, earlier = Adapter(learnt, oracle, tally, rng), []
    for number in range(count):
        kind, message = hostile_demonstration(rng, learnt.task, earlier)
        earlier = [*earlier, message][-20:]
        name = f'demonstration: {kind}'
        tally.tried(name)
        try:
            adapter.session.add_demonstration(*read_trajectory(message))
            tally.take(name)
        except InvalidArrayError as error:
            tally.refusal(name, str(error))
        if number % 6 == 5:
            with np.errstate(all='ignore'):
                adapter.turn(name)


def hostile_proposal(rng, d):
    """Return (kind, values) of a `proposals` message."""
    kind = str(rng.choice(['not finite', 'huge', 'size', 'type', 'missing', 'random', 'zero']))
    step = rng.normal(size=d) * 10 ** rng.uniform(-3, 3)
    if kind == 'not finite':
        step[rng.integers(d)] = rng.choice(NUMBERS[:3])
    elif kind == 'huge':
        step = step * 1e300
    elif kind == 'size':
        step = step[:int(rng.choice([0, 1, d - 1]))]
    elif kind == 'type':
        step = [1.5, 7, 'text'][rng.integers(3)]
    elif kind == 'zero':
        step = np.zeros(d)
    values = {} if kind == 'missing' else {'proposal.step': step}
    return f'proposal: {kind}', values


def attack_proposals(learnt, oracle, tally, rng, count):
    """Send hostile raw steps."""
    adapter = Adapter(learnt, oracle, tally, rng)
    for _ in range(count):
        name, values = hostile_proposal(rng, learnt.task.policy.network.d)
        tally.tried(name)
        before = adapter.session.results.accepted
        try:
            step = read_event(event_message(Time(), 'learner', values)).get('proposal.step')
            adapter.session.inbox.add_proposal(step)
        except InvalidArrayError as error:
            tally.refusal(name, str(error))
            continue
        with np.errstate(all='ignore'):
            adapter.turn(name)
        if adapter.session.results.accepted > before:
            tally.take(name)
        else:
            tally.refusal(name, adapter.session.results.reason)
