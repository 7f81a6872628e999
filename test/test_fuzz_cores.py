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

"""Any sequence of events: the controller's admission, the adapter's publication, both in step."""

import tempfile

from admission_samples import admission, BACKUP, certificate, settle, SPEC, Verifier
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, RuleBasedStateMachine
import numpy as np
from scpo_ros.adapter.publication import Publication
from scpo_ros.adapter.report import AdaptationReport
from scpo_ros.adapter.requests import Avoid, Begin, Restore, Resume
from scpo_ros.arrays import digest
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.ledger.history import History


RARELY = st.integers(0, 4).map(lambda number: number == 4)
WEIGHTS = st.floats(-3, 3).map(lambda value: BACKUP + value)


def is_safe(theta):
    """Return what the fuzzed verifier holds for safe."""
    return bool(theta[0] <= 1.0)


class Controller(RuleBasedStateMachine):
    """Records good and bad, verdicts, failures, revocations, kills: what runs is always safe."""

    def __init__(self):
        """Start with an empty ledger."""
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.now, self.durable, self.swapped = 0.0, 0, []
        self.begin()

    def begin(self):
        """Start a life of the controller."""
        self.verifier = Verifier()
        self.admitted = admission(self._folder.name, self.verifier, dwell=1.0)

    @property
    def gate(self):
        """Return its gate."""
        return self.admitted.gate

    @rule(theta=WEIGHTS, skip=st.integers(1, 3))
    def submit_genuine(self, theta, skip):
        """Send a record that is what it says, of weights safe or not; have it judged."""
        self.submit(theta, skip, 0, '')
        if self.verifier.busy:
            self.conclude('verdict')
            self.tick(2.0, True)

    @rule(theta=WEIGHTS, skip=st.integers(1, 3), parent=st.integers(0, 2),
          forged=st.sampled_from(['', 'digest', 'parent', 'spec', 'certificate', 'size', 'nan']))
    def submit(self, theta, skip, parent, forged):
        """Send a record, perhaps a forged one."""
        newest = max([self.gate.newest.version, *(r.version for r in self.gate._queue)])
        known = self.gate.newest if not self.gate._queue else self.gate._queue[-1]
        theta = {'size': np.ones(4), 'nan': np.full(3, np.nan)}.get(forged, theta)
        certified = None if forged == 'certificate' else certificate(theta, known.digest)
        record = PolicyRecord(
            theta, newest + skip, known.version + (parent if forged == 'parent' else 0),
            'x' if forged == 'digest' else digest(theta), known.digest,
            'y' if forged == 'spec' else SPEC, certified)
        before = self.gate.refusals
        taken = self.admitted.submit(record)
        if forged in ('digest', 'spec', 'certificate', 'size', 'nan'):
            assert not taken
        assert taken or self.gate.refusals > before or record.version == newest

    @precondition(lambda self: self.verifier.busy)
    @rule(outcome=st.sampled_from(['verdict', 'verdict', 'verdict', 'failure', 'dead']))
    def conclude(self, outcome):
        """Let the verifier answer, fail, or die."""
        theta = self.verifier.asked[-1]
        if outcome == 'verdict':
            self.verifier.say(safe=is_safe(theta), reason='' if is_safe(theta) else 'unsafe')
        else:
            self.verifier.alive = outcome != 'dead'
            self.verifier.say(failure='it took too long')
        settle(self.admitted)
        self.durable = max(self.durable, self.gate.newest.version)

    @rule(seconds=st.floats(0, 2), inside=st.booleans())
    def tick(self, seconds, inside):
        """Let a control period pass."""
        self.now += seconds
        record = self.admitted.swap(self.now, inside)
        if record is not None:
            assert inside
            self.swapped.append(self.now)

    @rule()
    def poll(self):
        """Look for answers."""
        settle(self.admitted)

    @rule(rarely=RARELY)
    def revoke(self, rarely):
        """Find the model wrong."""
        if not rarely:
            return
        self.admitted.revoke(self.now, 'the model')
        self.swapped.append(self.now)
        assert self.gate.running.version == 0

    @rule()
    def recall(self):
        """Find it right again."""
        self.admitted.recall()

    @rule(rarely=RARELY)
    def kill(self, rarely):
        """Kill the process, which closes its files, and start another."""
        if not rarely:
            return
        ready, revoked = self.gate.newest, self.gate.revoked
        self.admitted.stop()
        self.begin()
        assert self.gate.running.version == 0 and bool(self.gate.revoked) == bool(revoked)
        if ready.version > 0 and not revoked:
            assert self.gate.head is not None and self.gate.head.digest == ready.digest
        self.swapped = []

    @invariant()
    def what_runs_was_verified(self):
        """Hold the weights that run, or will, against the verifier: the backup, or safe."""
        for record in (self.gate.running, self.gate.newest):
            assert record.version == 0 or is_safe(record.theta)
            assert digest(record.theta) == record.digest

    @invariant()
    def a_refusal_has_a_reason(self):
        """Nothing is refused without a word."""
        assert not self.gate.refusals or self.gate.refused.reason

    @invariant()
    def swaps_keep_their_distance(self):
        """Two swaps are at least the dwell apart; a revocation does not wait."""
        assert len(self.gate._queue) <= 9
        assert not self.gate.revoked or self.gate.running.version == 0

    def teardown(self):
        """Close the files."""
        self.admitted.stop()
        self._folder.cleanup()


class Pair(RuleBasedStateMachine):
    """Adapter and controller, either of which may be killed: they always find together again."""

    def __init__(self):
        """Start both with empty ledgers."""
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.published = []

    @initialize()
    def begin(self):
        """Start both."""
        self.worker_theta, self.wire, self.requests = BACKUP, None, []
        self.begin_controller()
        self.begin_adapter()

    def begin_controller(self):
        """Start a controller; it hears the latched policy."""
        self.verifier = Verifier()
        self.admitted = admission(self._folder.name + '/c', self.verifier)
        if self.wire is not None:
            self.admitted.submit(self.wire)

    def begin_adapter(self):
        """Start an adapter; its worker begins with the backup."""
        self.history = History(self._folder.name + '/a', 'adapter')
        self.publication, self.worker_theta = Publication(self.history), BACKUP
        self.requests = self.publication.begin(SPEC) or [Begin()]
        self.work()

    def work(self):
        """Let the worker do what it was asked, and publish."""
        while self.requests and not self.publication.halted:
            request = self.requests.pop(0)
            if isinstance(request, (Restore, Resume)):
                self.worker_theta = request.theta
            if not isinstance(request, Avoid):
                self.publish(*self.publication.publish(
                    self.report(self.worker_theta), isinstance(request, Restore)))

    def report(self, theta):
        """Return what the worker would say of weights."""
        base = self.publication.base
        parent = digest(theta) if base is None else base.digest
        return AdaptationReport('ACCEPTED', 'because', theta, certificate(theta, parent), True)

    def publish(self, records, requests):
        """Send records to the controller."""
        self.requests += requests
        for record in records:
            self.wire = record
            self.published.append(record.version)
            self.admitted.submit(record)

    @rule(theta=WEIGHTS)
    def learn(self, theta):
        """Make an update; the adapter's own verification errs now and then."""
        if not self.requests and not self.publication.halted:
            self.worker_theta = theta
            self.publish(*self.publication.publish(self.report(theta), False))

    @rule()
    def control(self):
        """Let the controller verify one record and tell the adapter."""
        if self.verifier.busy:
            theta = self.verifier.asked[-1]
            self.verifier.say(safe=is_safe(theta), reason='unsafe')
        settle(self.admitted)
        self.admitted.swap(0.0, True)
        self.tell()

    def tell(self):
        """Publish active_policy."""
        gate = self.admitted.gate
        requests, _ = self.publication.acknowledge(Acknowledgement(
            gate.running.theta, gate.running.version, gate.running.digest, gate.newest.version,
            gate.refused.version, gate.refused.kind, gate.refused.reason, gate.refusals,
            np.zeros(0), np.zeros(0), int(not gate.revoked), gate.revoked))
        self.requests += requests
        self.work()

    @rule(rarely=RARELY)
    def revoke(self, rarely):
        """Find the model wrong."""
        if not rarely:
            return
        self.admitted.revoke(0.0, 'the model')
        self.tell()
        assert self.publication.halted

    @rule()
    def recall(self):
        """Find it right."""
        self.admitted.recall()

    @rule(rarely=RARELY)
    def kill_controller(self, rarely):
        """Kill the controller."""
        if not rarely:
            return
        self.admitted.stop()
        self.begin_controller()

    @rule(rarely=RARELY)
    def kill_adapter(self, rarely):
        """Kill the adapter; what it had published stays with the controller only."""
        if not rarely:
            return
        self.history.stop()
        self.wire = None
        self.begin_adapter()

    @invariant()
    def what_runs_is_safe(self):
        """Nothing unsafe runs, whoever lives."""
        if hasattr(self, 'admitted'):
            running = self.admitted.gate.running
            assert running.version == 0 or is_safe(running.theta)

    def teardown(self):
        """See that they come together again; close the files."""
        if hasattr(self, 'admitted'):
            self.come_together()
            self.admitted.stop()
            self.history.stop()
        self._folder.cleanup()

    def come_together(self):
        """After some quiet rounds a new safe policy reaches the robot."""
        for _ in range(12):
            self.recall()
            self.control()
        for number in range(6):
            self.learn(BACKUP + 0.5 + 0.01 * number)
            for _ in range(4):
                self.control()
        running = self.admitted.gate.running
        assert not self.publication.halted and 0.5 <= running.theta[0] < 0.6


TestController = Controller.TestCase
TestController.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
