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
One mutant per check: taken out of the source, something hostile gets through that did not before.

The rules of record and certificate are found by reading the source, so a new one without a
hostile input that only it stops fails here. The other checks are listed by hand, as text that must
stand in the source exactly once.
"""

import ast
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

from admission_samples import BACKUP, certificate, chain_of, CLAIM, settle, SPEC, Verifier
import driver_samples
from excited_plants import Axis, excited, task_of_draft
from monitor_samples import TASK, Watched, WIDE
import numpy as np
import pytest
from scpo_ros.arrays import digest
from scpo_ros.config import DriverConfig, ExciteConfig, PlantConfig, Spec
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError, SolverError
from scpo_ros.excite import assembly
from scpo_ros.interface import policy_record
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.joint_layout import JointLayout
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.ledger.history import History
from scpo_ros.scpo import certificate as certificates, SampledBound
from scpo_ros.sets.invariant_set import contractive_set, Polytope
from scpo_ros.sets.planar_projection import planar_projection
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.verification.fresh_tests import FreshTests
from scpo_ros.verification.metric_layout import block, MetricKind
from scpo_ros.verification.task import contraction_factor, ControlTask
from system_samples import all_vertices, broken, EDGE, task_of


ROOT = Path(policy_record.__file__).parents[1]
MARGIN = 0.02
GATE_FILE = 'controller/policy_gate.py'
ADMISSION_FILE = 'controller/admission.py'
CHAIN_FILE = 'adapter/policy_chain.py'
WATCH_FILE = 'interface/state_watch.py'
LEDGER_FILE = 'ledger/ledger.py'
PUBLICATION_FILE = 'adapter/publication.py'
RECORD_FILE = 'interface/policy_record.py'
MONITOR_FILE = 'controller/model_monitor.py'
TRANSITIONS_FILE = 'systems/transitions.py'
APPLIED_FILE = 'controller/applied_input.py'
MESSAGES_FILE = 'interface/messages.py'
CODEC_FILE = 'interface/policy_codec.py'
REVOCATION_FILE = 'controller/revocation.py'
HISTORY_FILE = 'ledger/history.py'
VERIFIER_FILE = 'verification/verifier.py'


def mutated(path, tree_or_text):
    """Return a module of the package with another source."""
    name = 'scpo_ros.' + path.removesuffix('.py').replace('/', '.')
    module = ModuleType(name)
    module.__file__ = str(ROOT / path)
    exec(compile(tree_or_text, str(ROOT / path), 'exec'), module.__dict__)
    return module


# Records and certificates -------------------------------------------------------------------


def hostile_records():
    """Yield records with one thing wrong each."""
    good = chain_of(2)[2]
    c = good.certificate

    def signed(theta):
        return replace(good, theta=theta, digest=digest(theta), certificate=replace(
            c, theta_digest=digest(theta)))

    yield signed(np.ones(4))
    yield signed(np.array([1.0, np.nan, 1.0]))
    yield replace(good, certificate=replace(c, coverage='x' * 10**5))
    yield replace(good, digest='0' * 64)
    yield replace(good, spec_digest='another robot')
    yield replace(good, version=2, parent=2)
    yield replace(good, version=1, parent=0, parent_digest=digest(BACKUP), certificate=replace(
        c, parent_digest=digest(BACKUP)))
    yield replace(good, parent=7, version=9)
    yield replace(good, version=2**63 - 1)
    yield replace(good, version=2 + 10**6)
    other = digest(np.ones(3) * 5)
    yield replace(good, parent_digest=other, certificate=replace(c, parent_digest=other))
    yield replace(good, certificate=None)
    yield replace(good, certificate=replace(c, parent_digest='another parent'))
    matrix = np.full((1, 2), -0.1)
    changes = [
        {'g': matrix, 'bound': matrix, 'smoothness': matrix + 2}, {'bound': [np.inf, np.inf]},
        {'g': [-0.01, -0.2], 'bound': [0.1, 0.1], 'verification_max': -0.02},
        {'margin': 0.001}, {'bound': [-0.15, -0.1]}, {'smoothness': [1.0, 0.0]},
        {'verification_size': 0}, {'verification_max': -0.001},
        {'verification_max': -0.15}, {'violation': 1e-3}, {'duality_gap': 1e-3},
        {'duality_gap': -1.0}, {'kind': 'promised'}, {'kind': 'proved'},
        {'theta_digest': 'of others'}]
    for change in changes:
        yield replace(good, certificate=replace(c, **change))


def let_through(records):
    """Return, for each record, whether submission or restoration would take it."""
    known = {0: digest(BACKUP), 1: chain_of(1)[1].digest}
    result = []
    for record in hostile_records():
        try:
            taken = not records.record_defects(record, 3, SPEC, known, MARGIN, 'sampled')
        except Exception:  # noqa: B902 - the gate refuses then
            taken = False
        restored = record.theta.shape != (3,) or not records.identity_defects(record, 3, SPEC)
        # restoration is the only check of identity for what a ledger holds
        result.append((taken, restored and _identity_is_wrong(record)
                       and not records.identity_defects(record, 3, SPEC)))
    return result


def _identity_is_wrong(record):
    return (record.theta.shape != (3,) or not np.all(np.isfinite(record.theta))
            or digest(record.theta) != record.digest or record.spec_digest != SPEC
            or not record.version > record.parent or record.version >= 2**53)


class Remove(ast.NodeTransformer):
    """Takes the n-th check out of the functions of that name."""

    def __init__(self, functions, number):
        self.functions, self.number, self.seen, self.what = functions, number, 0, ''
        self._inside = False

    def visit_FunctionDef(self, node):
        if node.name in self.functions:
            self._inside = True
            self.generic_visit(node)
            self._inside = False
        return node

    def _hit(self, node):
        self.seen += 1
        if self.seen - 1 != self.number:
            return False
        self.what = ast.unparse(node)[:70]
        return True

    def visit_Expr(self, node):
        if self._inside and isinstance(node.value, ast.Yield) and self._hit(node):
            return ast.Pass()
        return node

    def visit_If(self, node):
        returns = len(node.body) == 1 and isinstance(node.body[0], ast.Return)
        if self._inside and returns and ast.unparse(node.body[0]) != 'return found' and (
                self._hit(node)):
            return ast.Pass()
        body = [self.visit(entry) for entry in node.body]
        finite = any(isinstance(entry, ast.Return) for entry in body) and len(body) > 1
        if self._inside and finite and self._hit(node):
            return ast.Pass()
        return node

    def visit_Assign(self, node):
        if self._inside and ast.unparse(node.targets[0]) == 'rules' and isinstance(
                node.value, ast.Tuple) and isinstance(node.value.elts[0], ast.Tuple):
            kept = [entry for entry in node.value.elts if not self._hit(entry)]
            node.value.elts = kept
        return node


FUNCTIONS = {
    RECORD_FILE: ('identity_defects', 'version_defects', 'lineage_defects',
                  'evidence_defects'),
    'scpo/certificate.py': ('certificate_defects', '_metric_rules', '_step_rules',
                            '_identity_rules')}
SPARE = {  # rules that nothing needs alone, and why
    'if record.parent not in known:': 'the next line raises, and the gate refuses',
    'if certificate is None:': 'the next line raises, and the gate refuses',
    'yield (certificate.kind in KINDS': 'follows from the kind that the specification asks for',
    'yield (np.all(c.g <= -c.margin)': 'follows from the two rules of verification_max'}


def rules():
    """Yield (file, number of the check)."""
    for path, functions in FUNCTIONS.items():
        count = Remove(functions, -1)
        count.visit(ast.parse((ROOT / path).read_text()))
        for number in range(count.seen):
            yield path, number


def without(path, number):
    """Return policy_record's functions with one rule removed somewhere, and the rule."""
    remover = Remove(FUNCTIONS[path], number)
    tree = ast.fix_missing_locations(remover.visit(ast.parse((ROOT / path).read_text())))
    module = mutated(path, tree)
    if path == RECORD_FILE:
        return module, remover.what
    records = mutated(RECORD_FILE, (ROOT / RECORD_FILE).read_text())
    records.certificate_defects = module.certificate_defects
    return records, remover.what


def test_the_rules_are_found():
    assert len(list(rules())) >= 22
    assert let_through(policy_record) == [(False, False)] * len(list(hostile_records()))
    assert certificates.certificate_defects(
        certificate(BACKUP, digest(BACKUP)), BACKUP, MARGIN, 1e-9) == ()


@pytest.mark.parametrize('path, number', rules())
def test_every_rule_of_record_and_certificate_stops_something(path, number):
    records, what = without(path, number)
    through = [index for index, taken in enumerate(let_through(records)) if any(taken)]
    assert through or what.startswith(tuple(SPARE)), f'nothing needs {what}'


# The other checks ---------------------------------------------------------------------------


def gate_of(module, dwell=6.0):
    gate = module.PolicyGate(backup_record(BACKUP, SPEC), MARGIN, dwell, 'sampled')
    return gate, chain_of(12)


def malformed_is_queued(module):
    gate, chain = gate_of(module)
    gate.submit(replace(chain[1], digest='0' * 64))
    return gate.head is not None


def taken_while_revoked(module):
    gate, chain = gate_of(module)
    gate.revoke(0.0, 'the model')
    gate.submit(chain[1])
    return gate.head is not None


def exception_escapes(module):
    gate, chain = gate_of(module)
    gate._rules = replace(gate._rules, margin='not a number')  # whatever makes a check fail
    try:
        gate.submit(chain[1])
    except TypeError:
        return True
    return False


def queue_without_end(module):
    gate, chain = gate_of(module)
    for version in range(1, 13):
        gate.submit(chain[version])
    return len(gate._queue) > 8


def verdict_of_another_kind(module):
    gate, chain = gate_of(module)
    gate.submit(chain[1])
    gate.verdict(True, '', claim=replace(CLAIM, kind='proved'))
    return gate.ready is not None


def megabyte_is_told(module):
    gate, _ = gate_of(module)
    gate.refuse(1, RefusalKind.MALFORMED, 'x' * 10**6)
    return len(gate.refused.reason) > 1000


def last_version_unchecked(module):
    gate, chain = gate_of(module)
    gate.admit_unchecked(replace(chain[1], version=2**63 - 1))
    return gate.ready is not None


def verdict_without_claim_is_kept(module):
    admission, verifier = admitted(module)
    admission.submit(chain_of(1)[1])
    verifier.say(safe=True, claim=None)
    admission.poll()
    return 1 in admission.history.accepted


def _verdict(module, metrics, margin):
    verifier = module.Verifier.__new__(module.Verifier)
    verifier._rounding, verifier._tolerance = 1e-7, 0.0
    verifier._margin, verifier._evaluation = margin, SimpleNamespace(
        verify=lambda thetas: np.array([metrics]), proved_metrics=[0], kind='proved', coverage='',
        label=block(len(metrics), MetricKind.INVARIANCE).label)
    verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
    return verifier.judge(BACKUP)


def sent_text_is_kept(module):
    history = module.History('', 'controller')
    sent = replace(chain_of(1)[1].certificate, coverage='trust me')
    history.accept(replace(chain_of(1)[1], certificate=sent), CLAIM)
    return 'trust me' in str(history._snapshot())


def last_version_is_adopted(module):
    values = {'policy.theta': BACKUP, 'policy.version': 2**63 - 1, 'policy.digest': '',
              'ready.version': 2**63 - 1, 'refused.version': -1, 'refused.kind': '',
              'refused.reason': '', 'refused.count': 0}
    module.read_event = lambda message, limits: dict(values)
    try:
        return module.read_active(None).version == 2**63 - 1
    except module.InvalidArrayError:
        return False


def _read_by_codec(**changed):
    """Return the breach that a record is read of which one value has a wrong type or size."""
    def breach(module):
        values = module.policy_values(chain_of(1)[1])
        try:
            return module.policy_of({**values, **changed}) is not None
        except module.InvalidArrayError:
            return False
    return breach


def revoked_without_a_word(module):
    revocation = module.Revocation()
    revocation.revoke('')
    return not revocation.stands


def forgiven_while_it_stands(module):
    revocation = module.Revocation()
    for _ in range(3):
        revocation.revoke('the model')
    revocation.forgive(1000)
    return revocation.periods == 1


def last_version_is_revived(module):
    chain = module.PolicyChain(SPEC, records=[
        chain_of(0)[0], replace(chain_of(1)[1], version=2**63 - 1)])
    return chain.latest.version > 0


def numbered_out_of_reach(module):
    chain = module.PolicyChain(SPEC, records=[
        chain_of(0)[0], replace(chain_of(1)[1], version=2 * 10**6)])
    chain.go_on_from(0)
    return chain.append(BACKUP + 5, None).version > 10**6


def _plant(module):
    spec = Spec()
    system = double_integrator(spec.system)
    return module.SimulatedPlant(
        system, contractive_set(system, contraction_factor(spec.system)), PlantConfig())


def answer_of_another_episode(module):
    plant = _plant(module)
    plant.advance(0.1)
    plant.reset()
    return plant.advance(0.9).applied == 0.9


def command_of_another_episode(module):
    plant = _plant(module)
    plant.advance(0.9)
    plant.reset()
    plant.advance(None)
    return plant.advance(None).applied == 0.9


def truth_like_verdict(module):
    gate, chain = gate_of(module)
    gate.submit(chain[1])
    gate.verdict('perhaps', 'no verdict', claim=CLAIM)
    return gate.ready is not None


def descendants_survive(module):
    gate, chain = gate_of(module)
    gate.submit(chain[1])
    gate.submit(chain[2])
    gate.verdict(False, 'unsafe')
    return gate.head is not None


def restored_unseen(module):
    gate, chain = gate_of(module)
    return gate.restore(replace(chain[1], digest='0' * 64))


def _swapping(module, now, inside, revoked=''):
    gate, chain = gate_of(module)
    for version in (1, 2):
        gate.submit(chain[version])
        gate.verdict(True, '', claim=CLAIM)
        if version == 1:
            gate.swap(0.0, True)
    gate.revocation.resume(revoked, None)
    return gate.swap(now, inside) is not None


def swapped_outside(module):
    return _swapping(module, 100.0, False)


def swapped_too_soon(module):
    return _swapping(module, 1.0, True)


def swapped_while_revoked(module):
    return _swapping(module, 100.0, True, 'the model')


def revoked_policy_goes_on(module):
    gate, chain = gate_of(module)
    gate.submit(chain[1])
    gate.verdict(True, '', claim=CLAIM)
    gate.swap(0.0, True)
    gate.revoke(1.0, 'the model')
    return gate.running.version != 0


def admitted(module, folder=''):
    from scpo_ros.controller.policy_gate import PolicyGate
    verifier = Verifier()
    gate = PolicyGate(backup_record(BACKUP, SPEC), MARGIN, 0.0, 'sampled')
    return module.Admission(gate, verifier, History(folder, 'controller'), 1.0,
                            clock=lambda: 0.0), verifier


def failure_passes(module):
    admission, verifier = admitted(module)
    admission.submit(chain_of(1)[1])
    verifier.say(safe=True, failure='it took too long')
    admission.poll()
    return admission.gate.ready is not None


def unsafe_passes(module):
    admission, verifier = admitted(module)
    admission.submit(chain_of(1)[1])
    verifier.say(safe=False, reason='unsafe')
    admission.poll()
    return admission.gate.ready is not None


def old_verdict_counts(module):
    admission, verifier = admitted(module)
    chain = chain_of(2)
    admission.submit(chain[1])
    admission.gate._queue[:] = [chain[2]]  # another one is looked at meanwhile
    verifier.say(safe=True)
    admission.poll()
    return admission.gate.ready is not None


def runs_before_it_is_written(module, tmp_path):
    admission, verifier = admitted(module, tmp_path)
    blocked = admission.history._thread.append
    admission.history._thread.append = lambda body: SimpleNamespace(
        add_done_callback=lambda _: None, done=lambda: False)
    admission.submit(chain_of(1)[1])
    verifier.say(safe=True)
    admission.poll()
    admission.history._thread.append = blocked
    found = admission.gate.ready is not None
    admission.stop()
    return found


def runs_though_not_written(module, tmp_path):
    admission, verifier = admitted(module, tmp_path)
    admission.history._thread._ledger.append = lambda *bodies: (_ for _ in ()).throw(
        module_error('no space left'))
    admission.submit(chain_of(1)[1])
    verifier.say(safe=True)
    settle(admission)
    found = admission.gate.ready is not None
    admission.stop()
    return found


def module_error(text):
    from scpo_ros.ledger.ledger import LedgerError
    return LedgerError(text)


def _metrics_are_safe(*metrics):
    return lambda module: bool(module.is_safe(np.array(metrics), 0.0))


def _fate(step, *earlier, **values):
    def breach(module):
        watch = module.StateWatch(0.1, 0.5, age_limit=values.pop('age_limit', 0.0))
        make = lambda k, x=(0.1, 0.0), applied=0.0: SimpleNamespace(  # noqa: E731
            time=1000 + 0.1 * k, x=np.array(x), applied=applied, episode=0)
        for k in earlier:
            watch.judge(make(k), 1000 + 0.1 * k)
        fate = watch.judge(make(step, **values.get('state', {})), values.get('now', 1000.0))
        return fate is module.Fate.FRESH or (
            fate is module.Fate.REPEATED and bool(values.get('state')))
    return breach


def _revoked(*steps, task=WIDE, warm=0, x=(0.2, 0.1), told=''):
    """Return the breach that the last of some steps of a plant is no fault to the monitor."""
    def breach(module):
        plant = Watched(task, x=x, make=module.ModelMonitor)
        for _ in range(warm):
            plant.advance(applied=0.0)
        found = [plant.advance(**step) for step in steps]
        return not found[-1] or told not in found[-1]
    return breach


def _begins_unwatched(module):
    plant = Watched(make=module.ModelMonitor)
    plant.advance()
    return plant.monitor.watched


def _calm_unwatched(module):
    plant = Watched(make=module.ModelMonitor, calm_steps=1)
    plant.advance()
    return plant.monitor.calm(1)


def _outside_unnoticed(module):
    plant = Watched(TASK, x=(0.5, 0.1), make=module.ModelMonitor)
    plant.x = np.array([1.05, 0.1])
    return not plant.advance(applied=0.0, said=np.nan)


def _duration(module, step):
    before = SimpleNamespace(time=0.0, episode=0, applied=np.zeros(1))
    return module.TransitionRule(WIDE.system).between(
        before, SimpleNamespace(time=step, episode=0, applied=np.zeros(1))).duration


def _judged(step=0.1, **after):
    """Return the breach that a transition counts as judged."""
    def breach(module):
        before = SimpleNamespace(time=0.0, episode=0, applied=np.zeros(1))
        state = SimpleNamespace(**{**vars(before), 'time': step, **after})
        return module.TransitionRule(WIDE.system).between(before, state).judged
    return breach


def _matched(applied, answer=0.3, x=(0.2, 0.1), task=WIDE):
    """Return the breach that an applied input which is not the answer is no fault at all."""
    def breach(module):
        inputs = module.AppliedInputs(task.system, task.bounds)
        before = SimpleNamespace(time=0.0, x=np.array(x))
        inputs.answered(before, np.array([answer]))
        match = inputs.compare(before, SimpleNamespace(
            time=0.1, applied=np.array([applied])))
        return match is not module.Match.INADMISSIBLE
    return breach


def _compared_with_nothing(module):
    inputs = module.AppliedInputs(WIDE.system, WIDE.bounds)
    inputs.answered(SimpleNamespace(time=0.0), np.zeros(1))
    return inputs.compare(SimpleNamespace(time=0.1, x=np.zeros(2)), SimpleNamespace(
        time=0.2, applied=np.zeros(1))) is not module.Match.UNKNOWN


def _late_answers(episodes, applied):
    """Return the breach that the last of the inputs that act a step late is no fault."""
    def breach(module):
        system = SimpleNamespace(
            delay_steps=1, input_scale=np.ones(1), saturate=lambda u: np.clip(u, -1, 1),
            step=lambda x, u: x + u)
        bounds = SimpleNamespace(violation=lambda x, u: np.abs(x + u)[0] - 1,
                                 slack=lambda error: float(error[0]))
        inputs, x, found = module.AppliedInputs(system, bounds), np.zeros(1), None
        before = SimpleNamespace(time=0.0, episode=0, x=x, applied=np.zeros(1))
        for k, (episode, u) in enumerate(zip(episodes, applied)):
            inputs.answered(before, np.full(1, 0.5))
            x = x + u
            state = SimpleNamespace(time=k + 1.0, episode=episode, x=x, applied=np.full(1, u))
            found, before = inputs.compare(before, state), state
        return found is module.Match.MATCHED
    return breach


@lru_cache
def _whole_task():
    return ControlTask.build(Spec())


def _budget(module, balance=None):
    budget, x = module.CostBudget(_whole_task(), 0.05), np.array([0.6, 0.1])
    state = SimpleNamespace(time=0.0, episode=0, x=x, applied=np.zeros(1))
    budget.observe(state)
    budget.balance = budget.balance if balance is None else balance
    return budget, state


def _admitted(u, balance):
    """Return the breach that the budget admits an input, with that much left."""
    return lambda module: _budget(module, balance)[0].allows(np.array([u]))


def _settled(balance=-0.5, **changed):
    """Return the breach that a debt is smaller after one more state that shows nothing good."""
    def breach(module):
        budget, state = _budget(module, balance)
        valid = changed.get('valid', True)
        budget.observe(SimpleNamespace(**{**vars(state), 'time': 0.1, **changed}), valid)
        return not budget.balance <= balance + 1e-9
    return breach


def _lost_steps_are_free(module):
    budget, state = _budget(module, 10.0)
    budget.allows(np.ones(1))
    budget.balance = -0.5
    budget.observe(SimpleNamespace(**{**vars(state), 'time': 0.3, 'x': np.array([0.7, 0.3])}))
    return budget.balance > -0.6


def _thrift_is_spent_at_once(module):
    budget, state = _budget(module, 100.0)
    budget.observe(SimpleNamespace(**{**vars(state), 'time': 0.1, 'x': np.array([0.1, 0.0])}))
    return budget.balance > budget.limit + budget.pending


def _pending_is_kept(module):
    budget, state = _budget(module, 1.0)
    budget._values = np.array([0.0, 5.0])
    budget.observe(SimpleNamespace(**{**vars(state), 'time': 0.1, 'episode': 1}))
    return budget.balance > 0


def _no_answer(module):
    budget, state = _budget(module)
    budget._backup = lambda x: (_ for _ in ()).throw(SolverError('none'))
    try:
        budget.observe(SimpleNamespace(**{**vars(state), 'time': 0.1}))
    except SolverError:
        return True
    return False


def _table_with_a_hole(module):
    task = SimpleNamespace(spec=Spec())
    try:
        module.checked_table(task, np.array([[1.0, np.nan], [1.0, 1.0]]))
    except ConfigurationError:
        return False
    return True


def forged_line(module):
    _, line = module.line_of(module.GENESIS, {'kind': 'accepted'})
    return module.read_line(line[:-1].replace(b'accepted', b'revocked')) is not None


def broken_chain(module):
    lines = [module.line_of(module.GENESIS, {'number': n})[1] for n in range(2)]
    return len(module.read(b''.join(lines)).entries) == 2


def enormous_array_is_copied(module):
    parameter = SimpleNamespace(name='certificate.g', value=SimpleNamespace(
        type=8, double_array_value=np.zeros(10**5)))
    try:
        return bool(module.read_event(SimpleNamespace(changed_parameters=[parameter]),
                                      SizeLimits.of(Spec())))
    except InvalidArrayError:
        return False


def enormous_text_is_kept(module):
    parameter = SimpleNamespace(name='certificate.kind', value=SimpleNamespace(
        type=4, string_value='x' * 10**5))
    try:
        return bool(module.read_event(SimpleNamespace(changed_parameters=[parameter])))
    except InvalidArrayError:
        return False


def size_without_limit(module):
    try:
        module.checked_size('g', np.nan, 10, 'numbers')
    except InvalidArrayError:
        return False
    return True


def refusals_without_end(module):
    admission, _ = admitted(module)
    noted = []
    admission.history.note = lambda kind, **values: noted.append(kind)
    for _ in range(300):
        admission.refuse(-1, RefusalKind.MALFORMED, 'x')
    return len(noted) > 100


def running_policy_is_forgotten(module):
    history, record = module.History('', 'controller'), chain_of(1)[1]
    history.accept(record, CLAIM)
    history.note('running', version=1)
    for version in range(2, 100):
        history.accept(replace(record, version=version), CLAIM)
    return 1 not in history.accepted


def published_again(module):
    publication, chain = module.Publication(), chain_of(1)
    publication.begin(SPEC)
    report = [SimpleNamespace(theta=chain[v].theta, certificate=chain[v].certificate, changed=True)
              for v in (0, 1)]
    for entry in report:
        publication.publish(entry, False)
    seen = Acknowledgement(
        BACKUP, 0, digest(BACKUP), 0, 1, RefusalKind.VERIFICATION, 'unsafe', 1, np.zeros(0),
        np.zeros(0))
    publication.acknowledge(seen)
    return bool(publication.publish(report[1], False)[0])


def published_while_revoked(module):
    publication, chain = module.Publication(), chain_of(1)
    publication.begin(SPEC)
    publication.halted = 'the model'
    return bool(publication.publish(SimpleNamespace(
        theta=chain[1].theta, certificate=chain[1].certificate, changed=True), False)[0])


CHECKS = [  # file, text of the check, text without it, what gets through
    (GATE_FILE, 'found = self._found(record)', 'found = ()', malformed_is_queued),
    (GATE_FILE, '        if self.revocation.stands:\n            return (Defect(',
     '        if False:\n            return (Defect(', taken_while_revoked),
    (GATE_FILE, 'except Exception as error:  # noqa: B902\n',
     'except KeyError as error:  # noqa: B902\n', exception_escapes),
    (GATE_FILE, 'len(self._queue) >= self._rules.queue', 'False', queue_without_end),
    (GATE_FILE, 'if safe is True and', 'if safe and', truth_like_verdict),
    (GATE_FILE, 'self.refuse(record.version, kind, reason, counterexample)\n'
     '        self._queue.clear()', 'self.refuse(record.version, kind, reason, counterexample)',
     descendants_survive),
    (GATE_FILE, 'if safe is True and self.believes(claim):', 'if safe is True:',
     verdict_of_another_kind),
    (GATE_FILE, 'reason[:_LONGEST_REASON]', 'reason', megabyte_is_told),
    (GATE_FILE, ' and not version_defects(\n                record.version, '
     'self.newest.version):', ' and record.version > self.newest.version:',
     last_version_unchecked),
    (ADMISSION_FILE, ' and self.gate.believes(claim):', ':', verdict_without_claim_is_kept),
    (VERIFIER_FILE, 'is_safe(metrics - limits, 0.0)', 'is_safe(metrics, 0.0)',
     lambda m: _verdict(m, [-1e-6, -1.0], 0.02).safe),
    (VERIFIER_FILE, 'np.maximum(0.0, self._margin - self._rounding)',
     'max(0.0, self._margin - self._rounding)',
     lambda m: _verdict(m, [-1e-6, -1.0], np.nan).safe),
    (HISTORY_FILE, 'record = replace(record, certificate=None)', 'pass', sent_text_is_kept),
    (MESSAGES_FILE, 'if limits is not None:', 'if False:', enormous_array_is_copied),
    (MESSAGES_FILE, '        checked_size(name, len(value.string_value), LONGEST_TEXT, '
     "'characters')\n", '', enormous_text_is_kept),
    ('interface/size_limits.py', 'if not size <= most:', 'if size > most:', size_without_limit),
    (ADMISSION_FILE, 'if not self._allowance.take():', 'if False:', refusals_without_end),
    (HISTORY_FILE, "version not in (0, self._running.get('version'))", 'version',
     running_policy_is_forgotten),
    (MESSAGES_FILE, 'if not 0 <= version <= LARGEST_VERSION:', 'if False:',
     last_version_is_adopted),
    (CODEC_FILE, ' or isinstance(item, bool)', '', _read_by_codec(**{'policy.version': True})),
    (CODEC_FILE, 'if item.ndim != 1:', 'if False:',
     _read_by_codec(**{'policy.theta': np.ones((3, 1))})),
    (CODEC_FILE, 'not isinstance(item, wanted) or ', '',
     _read_by_codec(**{'certificate.margin': 'x'})),
    (REVOCATION_FILE, "reason or 'revoked', False", 'reason, False', revoked_without_a_word),
    (REVOCATION_FILE, 'if not self.stands and not self._unsettled and', 'if',
     forgiven_while_it_stands),
    (CHAIN_FILE, '\n                         and record.version <= LARGEST_VERSION', '',
     last_version_is_revived),
    (CHAIN_FILE, 'if max(self._records) + 1 - version > LARGEST_JUMP:', 'if False:',
     numbered_out_of_reach),
    ('systems/plant.py',
     '        if self.asked:\n            return self._begin_episode(step, episode + 1)\n', '',
     answer_of_another_episode),
    ('systems/plant.py', '        self._drive.forget()\n', '', command_of_another_episode),
    (GATE_FILE,
     'found = _checked(identity_defects, record, backup.theta.size, backup.spec_digest)',
     'found = ()', restored_unseen),
    (GATE_FILE, 'or not in_safe_set ', '', swapped_outside),
    (GATE_FILE, 'or not rested ', '', swapped_too_soon),
    (GATE_FILE, 'or not rested or self.revocation.stands:', 'or not rested:',
     swapped_while_revoked),
    (GATE_FILE, 'self._running, self._ready, self._swapped_at = self._backup, None, now',
     'self._ready, self._swapped_at = None, now', revoked_policy_goes_on),
    (ADMISSION_FILE, "if answer.ok and getattr(answer.value, 'safe', None) is True and",
     "if getattr(answer.value, 'safe', None) is True and", failure_passes),
    (ADMISSION_FILE, "if answer.ok and getattr(answer.value, 'safe', None) is True and",
     'if answer.ok and', unsafe_passes),
    (ADMISSION_FILE, 'if record is None or record is not self.gate.head:', 'if record is None:',
     old_verdict_counts),
    ('scpo/checked_metrics.py', 'np.size(values) > 0 and ', '', _metrics_are_safe()),
    ('scpo/checked_metrics.py', 'np.all(np.isfinite(values)) and np.all(values <= -margin)',
     'np.all(values <= -margin)', _metrics_are_safe(-1.0, -np.inf)),
    ('scpo/checked_metrics.py', 'np.all(np.isfinite(values)) and np.all(values <= -margin)',
     'np.all(np.isfinite(values))', _metrics_are_safe(-1.0, 0.1)),
    (WATCH_FILE, 'if not (np.isfinite(state.x).all() and math.isfinite(state.time)):',
     'if False:', _fate(1, 0, state={'x': (np.nan, 0.0)})),
    (WATCH_FILE, 'Fate.OUT_OF_ORDER if ahead < 0 else ', '', _fate(-1, 0)),
    (WATCH_FILE, 'Fate.AHEAD if ahead > self._gap else ', '', _fate(100, 0)),
    (WATCH_FILE, 'Fate.REPEATED if same else Fate.CONFLICTING', 'Fate.REPEATED',
     _fate(0, 0, state={'x': (0.5, 0.0)})),
    (WATCH_FILE, 'if self._votes < self._needed:', 'if False:', _fate(100, 0)),
    (WATCH_FILE, 'if self._age_limit > 0 and now is not None and not (',
     'if False and not (', _fate(0, age_limit=0.2, now=1010.0)),
    (LEDGER_FILE, 'or hashlib.sha256(line[65:]).hexdigest().encode() != digest', '', forged_line),
    (LEDGER_FILE, 'entry is None or previous not in (None, entry.previous)', 'entry is None',
     broken_chain),
    (PUBLICATION_FILE, 'if identity in self._vetoed:', 'if False:', published_again),
    (PUBLICATION_FILE, '        if self.halted:\n            return (), []', '        if False:\n'
     '            return (), []', published_while_revoked)]
PLANT_CHECKS = [  # of the plant
    (MONITOR_FILE, 'if inside.all():', 'if True:', _revoked({'w': 1.0})),
    (MONITOR_FILE, 'if inside.all():', 'if not np.any(error > 1e300):',
     _revoked({'w': 1.0})),
    (MONITOR_FILE, 'return fault or self._share.fault', 'return fault',
     _revoked(*[{'step': 0.05}] * 60, warm=20)),
    (MONITOR_FILE, 'if match is Match.INADMISSIBLE:', 'if False:',
     _revoked({'applied': 21.0, 'answer': 20.0})),
    (MONITOR_FILE, 'if match is Match.ADMISSIBLE and count >= many:', 'if False:',
     _revoked(*[{'applied': 0.1, 'answer': 0.2}] * 20)),
    (MONITOR_FILE, 'fault = self._left(before, state, ahead)', "fault = ''",
     _outside_unnoticed),
    (MONITOR_FILE, 'return self.calm_periods >= periods and self.watched',
     'return self.calm_periods >= periods', _calm_unwatched),
    (MONITOR_FILE, 'return self._share.enough', 'return True', _begins_unwatched),
    (TRANSITIONS_FILE, 'if not abs(step - self._dt) <= self._admitted:', 'if False:',
     _judged(0.05)),
    (TRANSITIONS_FILE, 'if not 0 < step <= max(_LONGEST_S, 5 * self._dt):', 'if False:',
     lambda m: _duration(m, -100.0) > 1),
    (TRANSITIONS_FILE, 'float(max(size, self._dt))', 'float(size)',
     lambda m: _duration(m, 1e-3) < 0.1),
    (TRANSITIONS_FILE, 'if state.episode != before.episode:', 'if False:',
     _judged(episode=1)),
    (TRANSITIONS_FILE, 'Gap.NONE if np.isfinite(state.applied).all() else Gap.INPUT',
     'Gap.NONE', _judged(applied=np.array([np.nan]))),
    (APPLIED_FILE, 'violation <= slack)  #', 'not violation > 1e9)  #',
     _matched(0.9, x=(0.6, 0.4), task=TASK)),
    (APPLIED_FILE, 'saturated and violation', 'violation', _matched(20.5)),
    (APPLIED_FILE, 'self._answers[-1][0] is not before', 'False',
     _compared_with_nothing),
    (APPLIED_FILE, 'if same and not self._doubtful:', 'if same:',
     _late_answers((0, 0, 0), (0.0, 0.9, 0.5))),
    (APPLIED_FILE, 'first is last or first.episode == last.episode', 'True',
     _late_answers((1, 1), (0.0, 0.5)))]
BUDGET = [  # of the task cost
    ('controller/cost_budget.py', 'if not change <= np.maximum(0.0, self.balance):',
     'if False:', _admitted(1.0, 0.0)),
    ('controller/cost_budget.py', 'if not change <= np.maximum(0.0, self.balance):',
     'if change > np.maximum(0.0, self.balance):', _admitted(np.nan, 0.1)),
    ('controller/cost_budget.py', 'if not change <= np.maximum(0.0, self.balance):',
     'if not change <= max(0.0, self.balance):', _admitted(-0.9, np.nan)),
    ('controller/cost_budget.py', 'if not np.isfinite(balance):\n            return False',
     'if False:\n            return False', _settled(x=np.array([5.0, 5.0]))),
    ('controller/cost_budget.py', 'not (valid and self._follows(', 'not (self._follows(',
     _settled(valid=False, x=np.array([0.8, 0.1]), applied=np.array([-0.4]))),
    ('controller/cost_budget.py', 'state.episode == last.episode and 0.5 < steps < 1.5', 'True',
     _settled(time=5.0, x=np.array([0.8, 0.1]), applied=np.array([-0.4]))),
    ('controller/cost_budget.py', 'self.balance = (self.balance - charge if np.isfinite(charge)',
     'self.balance = (self.balance if np.isfinite(charge)', _lost_steps_are_free),
    ('controller/cost_budget.py', 'min(balance, self.limit + self.pending)', 'balance',
     _thrift_is_spent_at_once),
    ('controller/cost_budget.py', ' else min(pending, grant)) - pending',
     ' else min(pending, grant))',
     _pending_is_kept),
    ('controller/cost_budget.py', 'except SolverError:', 'except KeyError:', _no_answer),
    ('backup/planar/cost_to_go.py', 'if not np.all(np.isfinite(table)):', 'if False:',
     _table_with_a_hole)]
ON_DISK = [
    (ADMISSION_FILE, 'if written is None:\n            self._let_through(True',
     'if True:\n            self._let_through(True', runs_before_it_is_written),
    (ADMISSION_FILE, 'self._let_through(error is None,', 'self._let_through(True,',
     runs_though_not_written)]


# Described systems --------------------------------------------------------------------------


def _filter_of(module):
    return module.LiftedFilter(task_of('uneven').policy.filters[0].backup)


def disturbance_is_forgotten(module):
    """Ask for a little more than the nearest admissible input: the disturbance does the rest."""
    part, right = _filter_of(module), task_of('uneven').policy.filters[0]
    block, z = part.backup.block, EDGE * part.backup.safe_set.boundary(40)
    plans = part.backup.plans(z)
    edge = np.vstack([right(z, np.full((40, 1), v), plans) for v in (-1.0, 0.6)])
    z, plans = np.vstack([z, z]), np.vstack([plans, plans])
    wanted = np.clip(edge + np.repeat([[-0.02], [0.02]], 40, axis=0), -1.0, 0.6)
    following = z @ block.A.T + part(z, wanted, plans) @ block.B.T
    ends = (following[:, None] + all_vertices(block)).reshape(-1, block.n)
    return not np.all(part.backup.safe_set.gauge(ends) <= 1 + 1e-6)


def let_through_outside(module):
    part = _filter_of(module)
    z = np.repeat(1.001 * part.backup.safe_set.boundary(20), 2, axis=0)
    wanted = np.resize([[1.0], [-1.0]], (40, 1)) * 0.5
    return bool(np.any(np.isfinite(part(z, wanted, part.backup.plans(z)))))


def wrong_answer_of_the_filter(module):
    """Have the program of the filter answer what was asked for, with a plan of zeros."""
    part = _filter_of(module)
    size = part.backup.safe_set.lifted_rows.shape[1]
    part.__dict__['program'] = SimpleNamespace(many=lambda points: np.hstack(
        [points[:, -1:], np.zeros((len(points), size))]))
    return broken(part, 60) > 0


def wrong_answer_of_the_solver(module):
    program = module.WarmProgram(task_of('uneven').policy.filters[0].program._qp)
    program._answer = lambda linear, bounds: (100 + 0 * linear, 0 * bounds, True)
    return bool(np.all(np.isfinite(program(np.zeros(3)))))


def _left(module, theta, disturbance):
    task = task_of('uneven')
    w = np.zeros((2, 3, 2))
    w[:, -1] = disturbance
    scenarios = Scenarios(0.1 * task.safe_set.boundary(2), w)
    return module.FilteredSimulator(task.policy).summarise(theta[None], scenarios).left.all()


def undefined_is_not_left(module):
    return not _left(module, np.full(task_of('uneven').policy.network.d, np.nan), 0.0)


def last_state_is_not_seen(module):
    return not _left(module, task_of('uneven').initial_theta, 5.0)


def left_passes(module):
    task = task_of('uneven', design_states=3, verification_states=3)
    evaluation = module.FilteredEvaluation(task)
    bad = np.full((1, task.policy.network.d), np.nan)
    drawn = evaluation.verification_set
    evaluation._sets.verification = Scenarios(1e-6 * drawn.x0, drawn.w, drawn.nominal)
    return bool(np.any(evaluation.verify(bad)[0, evaluation.means:] <= 0))


def foreign_set(**changes):
    """Return whether the proof takes a set that it must not take, of the uneven system."""
    def breach(module):
        (block, safe_set), = task_of('uneven').safe_set.parts
        changed = {name: change(getattr(safe_set, name)) for name, change in changes.items()}
        try:
            module.require_contractive(block, replace(safe_set, **changed))
        except ConfigurationError:
            return False
        return True
    return breach


def taken(call):
    """Return whether a call ends without a ConfigurationError."""
    try:
        call()
    except ConfigurationError:
        return False
    return True


def other_corners(change):
    """Return whether polygons are taken whose corners (v, d) were changed."""
    def breach(module):
        found, (part, *_) = module._corners, task_of('uneven').safe_set.parts
        module._corners = lambda *asked: change(found(*asked))
        return taken(lambda: module.planar_projection(*part))
    return breach


def edge_that_is_not_kept(module):
    part = task_of('uneven', 'proved').policy.filters[0].backup
    block = replace(part.block, B=np.array([[0.0], [0.2]]))
    found = planar_projection(part.block, part.safe_set)
    narrow = replace(found, served=Polytope(np.array(
        [[9.0, 0.0], [-9.0, 0.0], [0.0, 1.0], [0.0, -1.0]])))
    return taken(lambda: module._bounds(block, narrow))


def weights_overflow_elsewhere(module):
    task = task_of('uneven', 'proved')
    (block, _), = task.safe_set.parts
    small = replace(block, scale=np.full(2, 1e-9))
    part = module.ProvedPart(small, task.policy.network.parts[0], None)
    return bool(np.all(np.isfinite(part.own(np.full((1, task.policy.network.d), 1e304)))))


def backup_without_room(module):
    task = task_of('mayne_2005')
    spec = replace(task.spec, metrics=replace(task.spec.metrics, certificate='auto'))
    return module.residual_kind(task.system, spec, [
        part.backup for part in task.policy.filters]).kind == 'proved'


def margin_is_forgotten(module):
    task = task_of('uneven', 'proved', design_states=3, verification_states=3)
    return module.FilteredVerifier(task, margin=1.0).judge(task.initial_theta).safe


def larger_residual(z, plans, most):
    """Return whether a bound of a residual is not what it must be; of the uneven system."""
    def breach(module):
        (part,) = task_of('uneven').policy.filters
        edge = part.backup.safe_set.boundary(60)
        states = z * edge
        known = plans * np.ones((60, part.backup.safe_set.lifted_rows.shape[1]))
        found = module.ResidualBound(part)(states, 0 * states[:, :1], known)
        return not np.all(found <= most(part, states))
    return breach


def rows_of_the_next_state(part, z):
    """Return the largest residual (N,) that every row allows without a further input."""
    rows = part.backup.safe_set.state_rows
    used = np.abs(rows @ part.backup.block.B)[:, 0]
    room = 1 - part.allowance - z @ part.backup.block.A.T @ rows.T
    return np.maximum(0.0, np.min(room / used, axis=1))


def residual_beyond_its_bound(module):
    outputs, bound = np.array([[3.0, -0.1]]), np.array([[0.5, 0.0]])
    return not np.all(np.abs(module.bounded(outputs, bound)) <= bound)


def residual_without_a_bound(module):
    policy = task_of('uneven', 'bounded').policy
    x = 0.9 * task_of('uneven').safe_set.boundary(8)
    backup, plans = policy.around(x)
    other = module.FilteredPolicy(policy.system, policy.filters, policy.network, policy.bounds)
    found = other.residual(np.full((8, 1), 9.0), x, backup, plans)
    return not np.all(np.abs(found) <= policy.bound(x, backup, plans))


def fresh_rollouts_that_leave_pass(module):
    task = task_of('uneven', design_states=3, verification_states=3)
    evaluation = module.FreshRollouts(task, FreshTests(SampledBound(0.05, 0.05), 1))
    bad = np.full(task.policy.network.d, np.nan)
    with np.errstate(all='ignore'):
        return bool(evaluation._largest(bad, 6, np.random.default_rng(0))[-1] <= 0)


def fresh_test_is_not_counted(module):
    tests = module.FreshTests(SampledBound(0.05, 0.05), 1)
    return tests.begin()[0] == tests.begin()[0]


FILTER_FILE = 'policy/lifted_filter.py'
BOUND_FILE = 'policy/residual_bound.py'
POLYGONS = 'sets/planar_projection.py'
PROOF_FILE = 'sets/invariance_proof.py'
DESCRIBED = [  # what any described system rests on
    (PROOF_FILE, 'if not largest <= _TOLERANCE', 'if False',
     foreign_set(rows=lambda rows: rows / 1.001)),
    (PROOF_FILE, 'if not 0 < factor <= 1', 'if False',
     foreign_set(contraction=lambda factor: 1.001)),
    (FILTER_FILE, 'room += 1 - self.allowance', 'room += 1', disturbance_is_forgotten),
    (FILTER_FILE, 'np.where(np.isnan(plans[:, :1]), np.nan, asked)', '+asked',
     let_through_outside),
    (FILTER_FILE, 'np.all(self.room(z, v, plans) >= -_SOLVED, axis=1)',
     'np.all(np.isfinite(plans), axis=1)', wrong_answer_of_the_filter),
    (BOUND_FILE, 'np.where(kept & (share > 0), share, 0.0)', 'np.abs(share)',
     larger_residual(1.5, 0.0, lambda part, z: 0.0)),
    (BOUND_FILE, 'found[~np.all(np.isfinite(plans), axis=1)] = 0.0', 'pass',
     larger_residual(0.0, np.nan, lambda part, z: 0.0)),
    (BOUND_FILE, '- LARGEST * self.used', '', larger_residual(0.8, 0.0, rows_of_the_next_state)),
    ('policy/residual_at.py', 'bound * np.tanh(_over(outputs, bound))', '+outputs',
     residual_beyond_its_bound),
    ('policy/filtered_policy.py', 'outputs if bound is None else bounded(outputs, bound)',
     'outputs', residual_without_a_bound),
    ('verification/fresh_rollouts.py', 'np.max(self.returned(summary, scenarios))', '-1.0',
     fresh_rollouts_that_leave_pass),
    ('verification/fresh_tests.py', 'self.bound = before.spent()', 'self.bound = before',
     fresh_test_is_not_counted),
    ('backup/warm_program.py', ' and np.all(self._qp.G @ z <= bounds + FEASIBLE)', '',
     wrong_answer_of_the_solver),
    ('simulation/filtered_rollout.py', 'lost.reshape(shape)', 'False',
     undefined_is_not_left),
    ('simulation/filtered_rollout.py',
     '~system.within_limits(x, np.zeros((len(x), system.m))).reshape(shape)', 'False',
     last_state_is_not_seen),
    (POLYGONS, 'if not np.all(found @ rows.T <= bounds)', 'if False',
     other_corners(lambda corners: 1.001 * corners)),
    (POLYGONS, 'if not np.all(reach <= 1 + REACH / 2)', 'if False',
     other_corners(lambda corners: np.delete(corners, 3, axis=0))),
    ('proofs/block_invariance.py', 'if not np.all(left <= -_ROUNDING)', 'if False',
     edge_that_is_not_kept),
    ('proofs/block_invariance.py', 'own + overflow[:, None]', 'own', weights_overflow_elsewhere),
    ('verification/residual_kind.py', 'if not bound <= -_ROOM', 'if False', backup_without_room),
    ('verification/filtered_verifier.py',
     'limits[evaluation.proved_metrics] -= np.maximum(0.0, self._margin - rounding)', 'pass',
     margin_is_forgotten),
    ('verification/filtered_evaluation.py',
     'np.where(summary.left, np.maximum(distance, _LEFT), distance)', 'distance', left_passes)]


AMPLITUDE_FILE, EXCITE_FILE = 'excite/amplitude.py', 'excite/session.py'
DRAFT_FILE = 'excite/draft.py'
DRAFT = lru_cache(task_of_draft)


def excited_phases(module, name, arrives):
    """Return what chose each answer, in an excitation with a class of a mutated module."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assembly, name, getattr(module, name))
        session, _, _ = excited(DRAFT(), Axis(), ExciteConfig(rest_s=0.0, duration_s=3.0),
                                disturb=arrives)
    return [row.phase for row in session.rows], session


def pushed(step, state):
    """Return the state of a robot that was pushed at step 10."""
    return replace(state, x=state.x + [0.0, 0.1]) if step == 10 else state


def draws_after_a_fault(module):
    phases, _ = excited_phases(module, 'Session', pushed)
    return 'excite' in phases[10:15]


def draws_after_a_lost_state(module):
    phases, _ = excited_phases(
        module, 'Draft', lambda step, state: None if step == 10 else state)
    return 'excite' in phases[10:15]


def draws_beyond_a_limit(module):
    _, session = excited_phases(module, 'Draft', lambda step, state: replace(
        state, x=np.array([0.81, 0.0])) if step == 10 else state)
    return 'a limit is broken' not in session.stopped


def raised_too_far(module):
    amplitude = module.Amplitude(0.1, 1.0, 2)
    for _ in range(40):
        amplitude.covered(1.0, 2 * amplitude.value)
    return amplitude.value > 0.5


def raised_again(module):
    amplitude = module.Amplitude(0.4, 1.0, 2)
    amplitude.lower()
    for _ in range(40):
        amplitude.covered(1.0, 0.0)
    return amplitude.value > 0.4


EXCITED = [  # of a robot that is moved by a draft
    (EXCITE_FILE, 'if self.hold.stands:\n            return', 'if False:\n            return',
     draws_after_a_fault),
    (DRAFT_FILE, 'if not fault and gap in _LOST', 'if False', draws_after_a_lost_state),
    (DRAFT_FILE, "limit if self._was_inside else ''", "''", draws_beyond_a_limit),
    (AMPLITUDE_FILE, 'min(self._largest, _GROWTH * self.value, expected)',
     'min(self._largest, _GROWTH * self.value)', raised_too_far),
    (AMPLITUDE_FILE, 'self._largest = min(self._largest, _CEILING * self.value)', 'pass',
     raised_again)]


# The driver of a robot ----------------------------------------------------------------------

SESSION_FILE, SENT_FILE = 'driver/session.py', 'driver/applied.py'


def _driven(module, **parameters):
    """Return a session of the mutated class; its robot is a rail."""
    return driver_samples.session_of(kind=module.DriverSession, **parameters)


def _robot_stands_for_nothing(module):
    return driver_samples.see(_driven(module), 0.0, (np.nan, 0.0)) is not None


def _robot_is_late(module):
    return driver_samples.see(_driven(module, state_age_limit_s=0.1), 0.0, now=9.0) is not None


def _stuck_states(module):
    session, seen = _driven(module), 0
    for k in range(12):
        state = driver_samples.see(session, 0.1 * k)
        seen += state is not None
        if state is not None:
            driver_samples.answer(session, state, 0.5)
    return seen == 12


def _commanded(u=0.5, stamp=7.0, late=False):
    """Return a breach: a command that is taken as the answer to a state."""
    def breach(module):
        session = _driven(module)
        driver_samples.answer(session, driver_samples.see(session, 6.9, (0.0, 0.0)), 0.0)
        driver_samples.see(session, 7.0)
        if late:
            session.without_answer()
        return session.answer(np.array([u]), driver_samples.stamp_of(stamp)) is not None
    return breach


def _sent_before_the_first_command(module):
    session = _driven(module)
    driver_samples.see(session, 0.0)
    return session.without_answer() is not None


def _silence_without_a_number(module):
    session = _driven(module)
    driver_samples.answer(session, driver_samples.see(session, 0.0), 0.5)
    return not np.isfinite(session.without_state()).all()


def _never_stuck(module):
    sensor = module.StuckSensor(wiring_of(build_spec(driver_samples.RAIL)).system)
    return not any(sensor.see(np.array([0.1, 0.0]), np.array([0.5])) for _ in range(20))


def _applied_by_the_robot(module):
    applied = module.AppliedInput(wiring_of(build_spec(driver_samples.RAIL)).system, 0.0)
    applied.sent(np.array([0.5]))
    return applied.over_step(np.array([0.7]), 1)[0] != 0.7


def _applied_though_nobody_heard(module):
    applied = module.AppliedInput(wiring_of(build_spec(driver_samples.RAIL)).system, 0.0)
    applied.sent(np.array([0.5]))
    applied.sent(None)
    return np.isfinite(applied.over_step(np.array([np.nan]), 1)[0])


def _two_of_three_joints(module):
    layout = JointLayout((('x', 'position'),), tuple((name, 'effort') for name in 'xyz'))
    try:
        return bool(module.robot_joints(layout, DriverConfig(command_joints=('x', 'y'))))
    except ConfigurationError:
        return False


def _turned_by_nothing(module):
    try:
        return module.turned((0.0, 0.0, 0.0, 2.0), np.ones(3)).shape == (3,)
    except InvalidArrayError:
        return False


DRIVER = [
    (SESSION_FILE, 'if fate is not Fate.FRESH:', 'if False:', _robot_stands_for_nothing),
    (SESSION_FILE, 'age_limit=age_limit', 'age_limit=0.0', _robot_is_late),
    (SESSION_FILE, 'if self._stuck.see(reading.x, applied):', 'if False:', _stuck_states),
    (SESSION_FILE, ' or not np.isfinite(u).all()', '', _commanded(np.nan)),
    (SESSION_FILE, ' or (stamp.sec, stamp.nanosec) != (asked.stamp.sec, asked.stamp.nanosec)', '',
     _commanded(stamp=6.9)),
    (SESSION_FILE, 'asked, self._asked = self._asked, None', 'asked = self._asked',
     _commanded(late=True)),
    (SESSION_FILE, 'if asked is None or not self.started:', 'if asked is None:',
     _sent_before_the_first_command),
    (SESSION_FILE, 'return u if np.isfinite(u).all() else np.zeros(self._system.m)', 'return u',
     _silence_without_a_number),
    ('driver/stuck_sensor.py', 'not np.all(error <= bound)', 'False', _never_stuck),
    (SENT_FILE, 'np.where(said & ~same, effort, commanded)', 'commanded', _applied_by_the_robot),
    (SENT_FILE, 'self._nothing if u is None else u', 'self._present if u is None else u',
     _applied_though_nobody_heard),
    ('driver/robot_joints.py', 'if sorted(ordered) != sorted(joints):', 'if False:',
     _two_of_three_joints),
    ('driver/odometry.py', 'if not abs(length - 1) <= _UNIT:', 'if False:', _turned_by_nothing)]


@pytest.mark.parametrize('path, check, instead, breach',
                         CHECKS + PLANT_CHECKS + BUDGET + DESCRIBED + EXCITED + DRIVER)
def test_without_the_check_it_gets_through(path, check, instead, breach):
    source = (ROOT / path).read_text()
    assert source.count(check) == 1, f'{path} must hold {check!r} once'
    assert not breach(mutated(path, source))
    assert breach(mutated(path, source.replace(check, instead)))


@pytest.mark.parametrize('path, check, instead, breach', ON_DISK)
def test_without_the_order_of_disk_and_use_it_runs(tmp_path, path, check, instead, breach):
    source = (ROOT / path).read_text()
    assert source.count(check) == 1
    assert not breach(mutated(path, source), tmp_path / 'a')
    assert breach(mutated(path, source.replace(check, instead)), tmp_path / 'b')
