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

"""Records and a verifier that answers when told to, for tests of admission."""

from types import SimpleNamespace

import numpy as np
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.arrays import digest
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.judge_request import Judge
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.claim import Claim
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.ledger.history import History
from scpo_ros.process.requests import Answer
from scpo_ros.scpo import Certificate


SPEC = 'spec'
BACKUP = np.zeros(3)
CLAIM = Claim('sampled', 'what was really looked at', 0.02, -0.1, 10)


def certificate(theta, parent):
    """Return a certificate without a defect."""
    return Certificate('sampled', 'all of it', [-0.1, -0.2], [-0.1, -0.1], [1.0, 1.0], 0.02,
                       digest(theta), parent, 0.0, 0.0, 10, -0.1)


def chain_of(count, theta=BACKUP):
    """Return a chain of `count` records behind version 0."""
    chain = PolicyChain(SPEC)
    chain.append(theta, certificate(theta, digest(theta)))
    for number in range(1, count + 1):
        weights = theta + number
        chain.append(weights, certificate(weights, chain[chain.base].digest))
    return chain


class Verifier:
    """Stands in for the Worker: is asked, and answers what the test says."""

    def __init__(self):
        """Start idle."""
        self.asked, self.answers, self.alive, self.restarts = [], [], True, 0
        self.stopped, self._told = False, []

    @property
    def busy(self):
        """Return whether an answer is outstanding."""
        return len(self.asked) > len(self.answers)

    def request(self, request, timeout):
        """Note a question."""
        assert not self.busy and isinstance(request, Judge) and timeout > 0
        self.asked.append(request.theta)

    def say(self, safe=True, reason='', failure='', counterexample=None, claim=CLAIM):
        """Answer the question that is open."""
        assert self.busy
        verdict = SimpleNamespace(
            safe=safe, reason=reason, counterexample=counterexample, claim=claim)
        self.answers.append(Answer(Judge(self.asked[-1]), verdict, failure))
        self._told.append(self.answers[-1])

    def started(self, failure=''):
        """Tell that it has started, or why it has not."""
        self._told.append(Answer(failure=failure))

    def poll(self):
        """Return a new answer, once."""
        return self._told.pop(0) if self._told else None

    def revive(self, arguments):
        """Come back, unless it is alive."""
        if self.alive:
            return False
        self.alive, self.restarts = True, self.restarts + 1
        return True

    def stop(self):
        """End."""
        self.stopped = True


def admission(folder='', verifier=None, dwell=0.0, clock=lambda: 0.0):
    """Return an Admission whose history is kept in a folder."""
    gate = PolicyGate(backup_record(BACKUP, SPEC), margin=0.02, dwell=dwell, kind='sampled')
    return Admission(gate, verifier or Verifier(), History(folder, 'controller'), 1.0,
                     clock=clock)


def settle(admitted, polls=400):
    """Poll until nothing waits for the disk."""
    for _ in range(polls):
        admitted.poll()
        if admitted._written is None:
            return
        admitted._written[1].exception(timeout=10)
