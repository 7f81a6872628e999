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

"""Hostile ledgers: no policy of a ledger runs unless it was verified anew."""

import itertools
from pathlib import Path
import tempfile

from assurance.attack_policy import MARGIN, Target
from assurance.hostile_policies import Case, dangerous_weights, signed
from assurance.inline import InlineWorker
from assurance.learning import Learnt
from assurance.oracle import Oracle
from assurance.tally import Tally
import numpy as np
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.ledger.history import History
from scpo_ros.ledger.ledger import GENESIS, lines_of
from scpo_ros.ledger.policy_entry import record_values
from scpo_ros.ledger.retention import MIB, Room
from scpo_ros.ledger_audit import audit


_ROOM = Room(MIB)  # of a flooded ledger


def hostile_ledger(rng: np.random.Generator, case: Case,
                   chain: PolicyChain) -> tuple[str, bytes]:
    """Return (kind of attack, content of the ledger file). :param chain: genuine policies."""
    bodies = [{'kind': 'accepted', 'record': record_values(chain[v])} for v in (0, 1, 2, 3)]
    kind = str(rng.choice(['bit flip', 'cut', 'zeros', 'noise', 'forged policy', 'wrong types',
                           'spliced', 'huge version', 'no policy']))
    if kind == 'forged policy':  # with right digests, from an attacker who can write the file
        bodies.append({'kind': 'accepted', 'record': record_values(
            signed(case, dangerous_weights(rng, case)))})
    elif kind == 'wrong types':
        record = record_values(chain[3])
        record[str(rng.choice(sorted(record)))] = [None, 1.5, 'x', [], {}, True][rng.integers(6)]
        bodies.append({'kind': 'accepted', 'record': record})
    elif kind == 'huge version':
        bodies.append({'kind': 'accepted', 'record': {
            **record_values(chain[3]), 'version': int(rng.choice([-5, 2**62]))}})
    elif kind == 'no policy':
        bodies.append({'kind': rng.choice(['accepted', 'revoked', 'x']), 'record': 7})
    _, lines = lines_of(GENESIS, bodies)
    if kind == 'spliced':
        lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
    data = bytearray(b''.join(lines))
    if kind == 'bit flip':
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    elif kind == 'cut':
        del data[int(rng.integers(len(data))):]
    elif kind == 'zeros':
        data[int(rng.integers(len(data))):] = bytes(int(rng.integers(1, 5000)))
    elif kind == 'noise':
        data = bytearray(rng.bytes(int(rng.integers(1, 5000))))
    return f'ledger: {kind}', bytes(data)


def attack(learnt: Learnt, oracle: Oracle, tally: Tally, rng: np.random.Generator,
           count: int) -> None:
    """Start a controller's admission on `count` hostile ledgers."""
    target = Target(learnt)
    case = Case(target.good, target.old, learnt.task, target.spy)
    task = learnt.task
    for _ in range(count):
        with np.errstate(all='ignore'):
            kind, data = hostile_ledger(rng, case, learnt.chain)
        tally.tried(kind)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, 'controller.ledger').write_bytes(data)
            gate = PolicyGate(backup_record(task.initial_theta, task.digest), MARGIN, 0.0,
                              task.kind)
            try:
                admission = Admission(gate, InlineWorker(target.verifier),
                                      History(folder, 'controller'), 20.0)
                for _ in range(20):
                    admission.poll()
                    if admission._written is not None:
                        admission._written[1].exception(10)
                swapped = admission.swap(0.0, True)
                admission.stop()
            except Exception as error:  # noqa: B902 - the node would not start
                tally.fail('controller_crashes', f'{kind}: {type(error).__name__}: {error}')
                continue
        if swapped is not None and oracle.danger(swapped.theta):
            tally.fail('unsafe_policies_applied', f'{kind}: {oracle.danger(swapped.theta)}')
        if gate.refusals:
            tally.refusal(kind, gate.refused.reason)
        else:
            tally.take(f'{kind} (what holds of it)')


def attack_growth(learnt: Learnt, oracle: Oracle, tally: Tally, rng: np.random.Generator,
                  count: int) -> None:
    """
    Flood a controller whose ledger has little room with `count` messages that it refuses.

    Its clock runs so fast that each of them may be written. The files must not outgrow their
    room, and what stands must be there afterwards: the policy that ran, and the revocation.
    """
    target = Target(learnt)
    with tempfile.TemporaryDirectory() as folder:
        history, clock = History(folder, 'controller', room=_ROOM), itertools.count()
        admission = target.fresh(history, lambda: float(next(clock)))
        admission.submit(target.good)
        for _ in range(20):
            admission.poll()
            if admission._written is not None:
                admission._written[1].exception(10)
        if admission.swap(0.0, True) is None:
            tally.fail('policies_lost', 'the good policy is not taken')
        admission.revoke(1.0, 'the model is wrong')
        largest = 0
        for number in range(count):
            tally.tried('ledger: flood of refusals')
            admission.refuse(-1, RefusalKind.MALFORMED, 'x' * int(rng.integers(1, 3000)))
            tally.refusal('ledger: flood of refusals', admission.gate.refused.reason)
            if number % 100 == 99:
                history.note('pause').exception(10)
                largest = max(largest, _size_of(folder))
        admission.stop()
        largest = max(largest, _size_of(folder))
        tally.figure('largest_ledger_of_1_MiB', largest)
        if not largest <= _ROOM.total:
            tally.fail('disk_outgrown', f'{largest} bytes, where {_ROOM.total} are the room')
        again = History(folder, 'controller', room=_ROOM)
        again.stop()
        if not again.revoked or target.good.version not in again.accepted:
            tally.fail('policies_lost', 'the flood took a standing policy, or a revocation')
        for fault in audit(Path(folder, 'controller.ledger'))[1]:
            tally.fail('history_conflicts', f'after a flood: {fault}')


def _size_of(folder: str) -> int:
    """Return how much the files of a folder take [bytes]."""
    return sum(part.stat().st_size for part in Path(folder).iterdir())
