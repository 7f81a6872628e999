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

"""Hostile policy messages against the controller's core, through the reading of messages."""

import time

from assurance.hostile_policies import ATTACKS, Case, FORGED, oversized, SLOW
from assurance.inline import InlineWorker
from builtin_interfaces.msg import Time
import numpy as np
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.exceptions import in_words
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.ledger.history import History
from scpo_ros.nodes.conversions import event_message, read_policy
from scpo_ros.verification.verifier import Verifier


MARGIN = 0.02  # of the controller


class Target:
    """A controller's admission with a real verifier, always about to take the next good record."""

    def __init__(self, learnt):
        """Keep what was learnt; every attack meets the same situation."""
        self.learnt, self.verifier = learnt, Verifier(learnt.spec, MARGIN)
        self.spy, self.limits = Verifier(learnt.spec, MARGIN), SizeLimits.of(learnt.spec)
        chain = learnt.chain
        self.old, self.good = chain[chain.latest.version - 1], chain.latest

    def fresh(self, history=None, clock=time.monotonic):
        """
        Return an Admission that runs the record before the good one.

        :param history: None for one without a ledger. :param clock: () -> [s].
        """
        task = self.learnt.task
        gate = PolicyGate(backup_record(task.initial_theta, task.digest), MARGIN, 0.0,
                          task.kind)
        gate.admit_unchecked(self.old)
        gate.swap(0.0, True)
        return Admission(gate, InlineWorker(self.verifier),
                         history or History('', 'controller'), 20.0, clock=clock)

    def receive(self, admission, values):
        """Do with a message what the controller node does; return (reason, version running)."""
        before = admission.gate.refusals
        try:
            record = read_policy(event_message(Time(), 'attacker', values), self.limits)
            admission.submit(record)
        except Exception as error:  # noqa: B902 - as the node does
            admission.refuse(-1, RefusalKind.MALFORMED, in_words(error))
        for _ in range(3):
            admission.poll()
        admission.swap(100.0, True)
        refused = admission.gate.refusals > before
        return admission.gate.refused.reason if refused else None


def attack(learnt, oracle, tally, rng, count):
    """Send `count` hostile policies, of all kinds in turn."""
    target = Target(learnt)
    case = Case(target.good, target.old, learnt.task, target.spy)
    weights = np.array([0.1 if kind in SLOW else 1.0 for kind in ATTACKS])
    admission = target.fresh()
    for _ in range(count):
        kind = ATTACKS[rng.choice(len(ATTACKS), p=weights / weights.sum())]
        name = f'policy: {kind.__name__}'
        with np.errstate(all='ignore'):
            values = kind(rng, case)
        tally.tried(name)
        running = admission.gate.running
        with np.errstate(all='ignore'):
            reason = target.receive(admission, values)
        if kind is oversized and (reason is None or 'must have at most' not in reason):
            tally.fail('sizes_taken', f'{name}: {reason or "taken"}')
        if reason is not None:
            tally.refusal(name, reason)
        elif admission.gate.running is running:
            tally.take(f'{name} (ignored: it is what runs)')
        else:
            tally.take(name)
            danger = oracle.danger(admission.gate.running.theta)
            if danger:
                tally.fail('unsafe_policies_applied', f'{name}: {danger}')
            _believed(target, admission, tally, name)
        if admission.gate.running is not running:
            admission = target.fresh()
    check = target.fresh()
    if target.receive(check, _good(target)) is not None or check.gate.running.version != (
            target.good.version):
        tally.fail('policies_lost', 'after the attack the good policy is not taken')


def _believed(target, admission, tally, name):
    """Note where a policy runs on the word of its sender: his margin, or what he says of it."""
    task = target.learnt.task
    bound = task.invariance_proof.prove(admission.gate.running.theta).bound
    if not bound <= -(MARGIN - task.tolerances.margin):
        tally.fail('senders_believed', f'{name}: proved only to {bound:.3g}')
    if FORGED in str(admission.announcement()):
        tally.fail('senders_believed', f'{name}: the forged coverage is announced')


def _good(target):
    from scpo_ros.interface.policy_codec import policy_values
    return policy_values(target.good)
