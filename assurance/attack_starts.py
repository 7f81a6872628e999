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
A machine short of everything: the verifier cannot be started, and nothing must be lost for good.

The process is a stand-in that answers at once; what fails is what the system would refuse.
"""

import errno
import os
from pathlib import Path
import tempfile
from types import SimpleNamespace

from assurance.attack_policy import MARGIN, Target
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.ledger.history import History
from scpo_ros.ledger.ledger import LedgerError, read
from scpo_ros.process.requests import Answer, answer_of
from scpo_ros.process.worker import Worker


_REFUSALS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
_LONGEST_S = 31.0  # after so long with everything there a verifier must run [s]


class Connection:
    """The end of a pipe to a process that answers at once."""

    def __init__(self, served, rng):
        """Serve an object; now and then the end cannot be closed."""
        self._served, self._rng, self._answers = served, rng, [Answer()]

    def poll(self, wait):
        """Return whether an answer waits."""
        return bool(self._answers)

    def recv(self):
        """Return it."""
        return self._answers.pop(0)

    def send(self, asked):
        """Ask."""
        self._answers.append(answer_of(asked, self._served))

    def close(self):
        """Close, or fail to."""
        if self._rng.uniform() < 0.3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class ShortWorker(Worker):
    """A Worker whose starts the system refuses while `short`."""

    short, served, rng = True, None, None

    def _begun(self, arguments):
        if self.short:
            number = int(self.rng.choice(_REFUSALS))
            raise OSError(number, os.strerror(number))
        process = SimpleNamespace(is_alive=lambda: True, kill=lambda: None, join=lambda: None)
        return process, Connection(self.served, self.rng)


def _shortage(target, oracle, tally, rng, folder):
    """Let one controller live through a shortage, take a policy and end."""
    task, now = target.learnt.task, [0.0]
    gate = PolicyGate(backup_record(task.initial_theta, task.digest), MARGIN, 0.0,
                      task.kind)
    worker = ShortWorker(None, (), clock=lambda: now[0], started=False, pause=1.0)
    worker.served, worker.rng = target.verifier, rng
    admission = Admission(gate, worker, History(folder, 'controller'), 20.0, clock=lambda: now[0])
    good, lasts = target.learnt.chain[1], float(rng.uniform(0, 300))
    while now[0] < lasts + 2 * _LONGEST_S and gate.newest.version == 0:
        now[0], worker.short = now[0] + 0.5, now[0] < lasts
        if now[0] >= lasts:
            admission.submit(good)
        admission.poll()
        if admission._written is not None:
            admission._written[1].exception(10)
    if gate.newest.version != 1:
        tally.fail('learning_ended', f'no policy {2 * _LONGEST_S:.0f} s after a shortage of '
                   f'{lasts:.0f} s: {gate.refused.reason}')
    admission.history.note('running', version=gate.newest.version)
    try:
        admission.stop()
    except OSError as error:
        tally.refusal('start: an end that fails', str(error))
    entries = read(Path(folder, 'controller.ledger').read_bytes()).entries
    if not entries or entries[-1].body['kind'] != 'running':
        tally.fail('policies_lost', 'what was noted before the end is not on the disk')
    try:
        History(folder, 'controller').stop()
    except LedgerError as error:
        tally.fail('policies_lost', f'the ledger was not closed: {error}')


def attack(learnt, oracle, tally, rng, count):
    """Let `count` controllers live through a shortage."""
    target = Target(learnt)
    for _ in range(count):
        tally.tried('start: the system refuses a process')
        with tempfile.TemporaryDirectory() as folder:
            _shortage(target, oracle, tally, rng, folder)
        tally.take('start: the system refuses a process')
