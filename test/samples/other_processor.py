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
One process with its own choice of kernels, to stand for another processor.

    python other_processor.py make FOLDER      # computes, certifies, records a run
    python other_processor.py read FOLDER OF   # judges what another process left in the folder OF

OPENBLAS_CORETYPE chooses the kernels of both OpenBLAS builds (numpy's and scipy's), and
NPY_DISABLE_CPU_FEATURES what numpy itself may use. Each folder has its tables of its own.
"""

import ctypes
from dataclasses import replace
import os
from pathlib import Path
import pickle
import sys

import ahead
import numpy as np

LIMITS = {'backup.horizon': 5, 'metrics.proof_cells': 48}
MORE = tuple(LIMITS.items())
# numpy >= 2.4 names groups of features, earlier ones the features themselves
KERNELS = {
    'Prescott': {'OPENBLAS_CORETYPE': 'Prescott'},
    'Haswell': {'OPENBLAS_CORETYPE': 'Haswell'},
    'SkylakeX': {'OPENBLAS_CORETYPE': 'SkylakeX'},
    'plain numpy': {'OPENBLAS_CORETYPE': 'Haswell',
                    'NPY_DISABLE_CPU_FEATURES': 'X86_V3 X86_V4 AVX2 FMA3 AVX512F'}}


def finished(kernel, *arguments):
    """Return (exit code, stderr) with the kernels of that name; one it lacks ends it by signal."""
    folder = Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    root, here = Path(__file__).parents[2], Path(__file__).parent
    environment = {**os.environ, **KERNELS[kernel], 'XDG_CACHE_HOME': str(folder / 'tables'),
                   'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1',
                   'PYTHONPATH': os.pathsep.join([str(root), str(here)])}
    process = ahead.finished([sys.executable, '-W', 'ignore', __file__, *map(str, arguments)],
                             env=environment, cwd=root)
    return process.returncode, process.stderr


def core_names():
    """Return the kernels that numpy's and scipy's OpenBLAS really took, '?' where none tells."""
    import scipy.linalg  # noqa: F401 - loads scipy's own library
    names = {}
    for line in Path('/proc/self/maps').read_text().splitlines():
        library = line.split()[-1]
        if 'openblas' in library and ('numpy' in library or 'scipy' in library):
            names[library] = _core_name(library)
    return tuple(name for _, name in sorted(names.items()))


def _core_name(library):
    loaded = ctypes.CDLL(library)
    for symbol in ('scipy_openblas_get_corename64_', 'scipy_openblas_get_corename',
                   'openblas_get_corename64_', 'openblas_get_corename'):
        if hasattr(loaded, symbol):
            function = getattr(loaded, symbol)
            function.restype = ctypes.c_char_p
            return function().decode()
    return '?'


def weights(task, count=4):
    """Return (count, d) weights whose residual is moderate, the same bits everywhere."""
    rng = np.random.default_rng(3)
    thetas = np.tile(task.initial_theta, (count, 1))
    thetas[:, -16:] += np.round(rng.uniform(-0.05, 0.05, (count, 16)), 6)
    return thetas


def computed(task, evaluation):
    """Return what this processor makes of a task, {name: array}."""
    thetas = weights(task)
    states = np.random.default_rng(5).uniform(-1, 1, (20000, 2)) * task.system.state_limit
    low, up = task.bounds(states)
    return {
        'H': task.safe_set.H, 'vertices': task.safe_set.vertices, 'QP': task.mpc.qp.P,
        'S of the QP': task.mpc.qp.S, 'inside C': task.safe_set.contains(states, 0.0),
        'law': task.policy.backup(states)[:, 0], 'LO': low, 'UP': up,
        'network': task.policy.network(thetas, states)[..., 0], 'theta_0': task.initial_theta,
        'design states': evaluation.design_set.x0, 'disturbances': evaluation.verification_set.w,
        'verification states': evaluation.verification_set.x0,
        'design': evaluation.evaluate(thetas), 'verification': evaluation.verify(thetas),
        'bound': evaluation.invariance.largest(thetas), 'tanh': np.tanh(states)}


def make(folder):
    """Compute, run, and leave results, bag and policy file in the folder."""
    from recorded_run import genuine, parameters, SMALL, write
    from scpo_ros.config import Spec
    from scpo_ros.config.validation import build
    from scpo_ros.interface.messages import read_policy
    from scpo_ros.interface.policy_file import write_policy
    from scpo_ros.recording.bag import PARAMETERS
    from scpo_ros.verification.evaluation import SafetyEvaluation
    from scpo_ros.verification.task import ControlTask
    spec = build(Spec, {**SMALL, **LIMITS})
    task, entries = ControlTask.build(spec), genuine(more=MORE)
    write(folder / 'bag', entries, {PARAMETERS: parameters(MORE)})
    record = [read_policy(e.message) for e in entries if e.topic == '/scpo/policy'][-1]
    write_policy(folder / 'policy.npz', record)
    found = {'cores': core_names(), 'digest': task.digest, 'record': record.version,
             'tolerances': task.tolerances, **computed(task, SafetyEvaluation(task))}
    (folder / 'found.pickle').write_bytes(pickle.dumps(found))


def read(folder, of):
    """Judge what another process left, and leave the judgements in the folder."""
    from recorded_run import SMALL
    from scpo_ros.config import Spec
    from scpo_ros.config.validation import build
    from scpo_ros.controller.policy_gate import PolicyGate
    from scpo_ros.interface.policy_file import load_policy
    from scpo_ros.interface.policy_record import backup_record
    from scpo_ros.recording.bag import read_bag
    from scpo_ros.verification.task import ControlTask
    from scpo_ros.verification.verifier import Verifier
    spec = build(Spec, {**SMALL, **LIMITS})
    task = ControlTask.build(spec)
    backup = backup_record(task.initial_theta, task.digest)
    gate = PolicyGate(backup, 0.02, 0.0, 'proved')
    record = load_policy(of / 'policy.npz', task.policy.network.d, task.digest, 0.02, 'proved')
    child = replace(record, version=1, parent=0, parent_digest=backup.digest, certificate=replace(
        record.certificate, parent_digest=backup.digest))
    taken, refused = gate.submit(child), gate.refused.reason
    verdict = Verifier(spec, 0.02).judge(record.theta)
    bag = read_bag(of / 'bag')
    report = audited(bag)
    (folder / f'read {of.name}.pickle').write_bytes(pickle.dumps({
        'taken': taken, 'refused': refused, 'safe': verdict.safe, 'reason': verdict.reason,
        'findings': report.findings, 'checked': report.checked,
        'tampered': audited(tampered(bag, task.tolerances)).findings}))


def audited(bag):
    """Return the report on a bag."""
    from scpo_ros.audit import audit
    from scpo_ros.recording.recorded_parameters import recorded_parameters
    from scpo_ros.recording.robots import Robot
    return audit(bag, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))


def tampered(bag, tolerances):
    """Return the bag with one command and one metric changed by ten times the tolerance."""
    from recorded_run import Entry, in_memory, parameters
    from scpo_ros.recording.bag import PARAMETERS
    from tampering import COMMANDS, field, policy
    entries = tuple(Entry(1000.0 + m.time, m.topic, m.kind, m.message) for m in bag.messages)
    entries = field(COMMANDS, 'effort', lambda u: u + 10 * tolerances.command)(entries)
    entries = policy('certificate.g', lambda g: np.r_[g[0] - 10 * tolerances.metric, g[1:]], 2)(
        entries)
    return in_memory(entries, {PARAMETERS: parameters(MORE)})


if __name__ == '__main__':
    {'make': make, 'read': read}[sys.argv[1]](*map(Path, sys.argv[2:]))
