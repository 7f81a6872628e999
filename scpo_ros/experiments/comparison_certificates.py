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

"""SCPO under each of its certificates, from the records of its runs."""

from collections.abc import Callable, Sequence

from scpo_ros.experiments.comparison_measures import grouped, Record
from scpo_ros.experiments.exits import EVERY, ROLLOUTS, STATES, STEPS

CERTIFICATES_TEXT = f"""\
`scpo` proves invariance over every state and disturbance, `scpo-sampled` is its matched twin: the
same smooth maximum over the same sectors, at sampled states instead of cells. `scpo-stable` proves
stability besides: every step from every state of the safe set contracts a quadratic norm.
*One-step exits* were searched for with every accepted policy, from {STATES:,} states of the safe
set under the worst disturbance; *violations* with every {EVERY}th and the last one, over {STEPS}
steps from {ROLLOUTS:,} states under worst-case and random disturbances. The search uses nothing of
the proof."""


def certificates_rows(records: Sequence[Record], closed: Callable[[Record], float]
                      ) -> tuple[list[str], list[list[str | list[float]]]]:
    """
    Return (head, rows) of the table; cells are strings or lists of numbers over seeds.

    :param records: of runs in which exits were searched for; others are left out.
    :param closed: callable, record -> part of the gap closed.
    """
    groups = grouped([record for record in records if 'exits' in record],
                     lambda record: (record['expert'], record['method']))
    rows: list[list[str | list[float]]] = []
    for (expert, method), group in sorted(groups.items()):
        policies = sum(record['accepted'] + 1 for record in group)
        rows.append([
            expert, method, str(len(group)), [closed(r) for r in group],
            [r['task_cost_final'] / r['task_cost_backup'] for r in group], str(policies),
            str(sum(r['exits'] for r in group)), str(sum(r['long_violations'] for r in group)),
            str(sum(r['held_out_violations'] for r in group))])
    return ['expert', 'method', 'seeds', 'gap closed @150', 'task cost over that of the backup',
            'policies searched', 'one-step exits', f'violations in {STEPS} steps',
            'held-out violations'], rows
