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
Reference results of the computations that a certificate rests on, by the semantics' number.

    python test/config/certificate_reference.py

adds those of the present source under its number, `scpo_ros.config.specification.SEMANTICS`. What
stands under a number is never changed: certificates that carry it were made with it.
"""

import json
from pathlib import Path
import sys

import numpy as np
from scpo_ros.arrays import digest
from scpo_ros.config import Spec
from scpo_ros.config.specification import SEMANTICS
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.task import ControlTask
from scpo_ros.verification.verdict import SEED_OFFSET

PATH = Path(__file__).with_suffix('.json')


def results(task):
    """Return {name: list} of what a certificate at the defaults rests on."""
    states = np.round(task.safe_set.boundary(40) * np.linspace(0.1, 0.99, 40)[:, None], 6)
    thetas = np.tile(task.initial_theta, (3, 1))
    thetas[:, -16:] += np.round(np.random.default_rng(1).uniform(-0.04, 0.04, (3, 16)), 6)
    found = {'vertices': task.safe_set.vertices, 'law': task.policy.backup(states)[:, 0],
             'bounds': np.column_stack(task.bounds(states)),
             'network': task.policy.network(thetas, states)[..., 0]}
    for name, seed in (('adapter', None), ('controller', task.spec.metrics.seed + SEED_OFFSET)):
        evaluation = SafetyEvaluation(task, seed)
        verified = evaluation.verify(thetas)
        found[f'{name} scenarios'] = np.vstack(
            [evaluation.design_set.x0[::40], evaluation.verification_set.x0[::80],
             evaluation.verification_set.w[::80, 7]])
        found[f'{name} metrics'] = np.column_stack(
            [evaluation.evaluate(thetas)[:, ::7], verified[:, :3], verified.max(axis=1)])
    return {'theta_0': digest(task.initial_theta),
            **{name: array.ravel().tolist() for name, array in found.items()}}


def references():
    """Return {number: results} of the file."""
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def main():
    """Add the results of the present source, unless its number is taken."""
    known = references()
    if str(SEMANTICS) in known:
        return (f'the number {SEMANTICS} is taken: raise SEMANTICS in '
                'scpo_ros/config/specification.py')
    known[str(SEMANTICS)] = results(ControlTask.build(Spec()))
    PATH.write_text(json.dumps(known, indent=1) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
