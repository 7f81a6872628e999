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

"""What was tried and what came of it, by kind; and whether that is good enough."""

from collections import Counter
import json

from scpo_ros.atomic_file import write_whole


MUST_BE_ZERO = ('unsafe_policies_applied', 'controller_crashes', 'limit_violations',
                'policies_lost', 'senders_believed', 'learning_ended', 'refusals_without_reason',
                'other_crashes', 'history_conflicts', 'task_cost_exceeded', 'unnoticed_faults',
                'false_alarms', 'sizes_taken', 'disk_outgrown', 'orphans', 'runs_mixed')


class Tally:
    """Counts of one run."""

    def __init__(self):
        """Start with nothing tried."""
        self.inputs, self.refused, self.taken, self.faults = (Counter() for _ in range(4))
        self.failures = Counter(dict.fromkeys(MUST_BE_ZERO, 0))
        self.details, self.figures = [], {}

    def tried(self, kind, number=1):
        """Count hostile inputs of a kind."""
        self.inputs[kind] += number

    def refusal(self, kind, reason):
        """Count a refusal, which must say why."""
        self.refused[kind] += 1
        if not str(reason).strip():
            self.fail('refusals_without_reason', f'{kind}: refused without a reason')

    def take(self, kind):
        """Count a hostile input that was harmless enough to be taken."""
        self.taken[kind] += 1

    def fault(self, kind):
        """Count an injected fault."""
        self.faults[kind] += 1

    def fail(self, name, detail):
        """Count what must not happen, and keep the first details."""
        self.failures[name] += 1
        if len(self.details) < 100:
            self.details.append(f'{name}: {detail}')

    def figure(self, name, value):
        """Keep a measured figure."""
        self.figures[name] = value

    @property
    def kills(self):
        """Return how many processes were killed or stopped."""
        return sum(count for kind, count in self.faults.items()
                   if kind.startswith(('kill ', 'stop ')))

    def summary(self):
        """Return all of it, ready for JSON."""
        return {'hostile_inputs': sum(self.inputs.values()), **self.failures,
                'kills': self.kills, 'passed': self.passed,
                'inputs_by_kind': dict(sorted(self.inputs.items())),
                'refused_by_kind': dict(sorted(self.refused.items())),
                'taken_by_kind': dict(sorted(self.taken.items())),
                'faults_by_kind': dict(sorted(self.faults.items())),
                'figures': self.figures, 'details': self.details}

    @property
    def passed(self):
        """Return whether nothing happened that must not."""
        return not any(self.failures.values())

    def write(self, path):
        """Write the summary; the file is replaced as a whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(self.summary(), indent=2) + '\n')
