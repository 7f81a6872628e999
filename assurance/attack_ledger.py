"""Hostile ledgers: whatever stands in the file, nothing runs that was not verified anew."""

from pathlib import Path
import tempfile

from assurance.attack_policy import MARGIN, Target
from assurance.hostile_policies import Case, dangerous_weights, signed
from assurance.inline import InlineWorker
import numpy as np
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.ledger.history import History, record_values
from scpo_ros.ledger.ledger import GENESIS, line_of


def _lines(bodies):
    last, lines = GENESIS, []
    for body in bodies:
        last, line = line_of(last, body)
        lines.append(line)
    return lines


def hostile_ledger(rng, case, chain):
    """Return (kind, bytes)."""
    bodies = [{'kind': 'accepted', 'record': record_values(chain[v])} for v in (0, 1, 2, 3)]
    kind = str(rng.choice(['bit flip', 'cut', 'zeros', 'noise', 'forged policy', 'wrong types',
                           'spliced', 'huge version', 'no policy']))
    if kind == 'forged policy':  # whole in itself, by somebody who can write the file
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
    lines = _lines(bodies)
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


def attack(learnt, oracle, tally, rng, count):
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
                              task.spec.metrics.invariance)
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
