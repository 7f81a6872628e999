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
Good weights under versions as large as they may be: learning must go on by itself.

A session and a controller stand against each other as in the nodes. Somebody sends a policy that
passes every check under a version of his own, and either side is started again now and then.
"""

from dataclasses import replace

from assurance.attack_learning import Adapter
from scpo_ros.adapter.report import AdaptationReport, Description
from scpo_ros.arrays import digest
from scpo_ros.interface.policy_record import LARGEST_JUMP, LARGEST_VERSION


_ROUNDS = 4  # updates within which a policy of the adapter must run again


class Learner:
    """In an Adaptation's place: proposes one of two policies in turn, both certified before."""

    def __init__(self, learnt):
        """Take the backup and the two newest policies of what was learnt."""
        chain, task = learnt.chain, learnt.task
        self._known = {record.digest: record for record in (
            chain[0], chain[chain.latest.version - 1], chain.latest)}
        self._pair = [chain[chain.latest.version - 1].theta, chain.latest.theta]
        self._theta = chain[0].theta
        self._described = Description(task.digest, task.safe_set.vertices)

    def describe(self):
        """Return the specification."""
        return self._described

    def begin(self):
        """Report the present policy with its certificate, as verified on its own."""
        record = self._known[digest(self._theta)]
        certificate = replace(record.certificate, parent_digest=record.digest)
        return AdaptationReport('ACCEPTED', 'certified before', record.theta, certificate, True)

    def restore(self, theta):
        """Go on from weights."""
        self._theta = theta
        return self.begin()

    resume = restore

    def step(self, demonstrations, rollouts):
        """Report the one of the two that is not the present policy."""
        first = digest(self._theta) == digest(self._pair[0])
        return [self.restore(self._pair[int(first)])]


def hostile(adapter, rng, good):
    """Return a good policy as a child of the newest one, under a version of the attacker's."""
    newest = adapter.admission.gate.newest
    version = rng.choice([newest.version + LARGEST_JUMP, newest.version + LARGEST_JUMP + 1,
                          LARGEST_VERSION, LARGEST_VERSION + 1, 2**62, 2**63 - 1])
    return replace(good, version=int(version), parent=newest.version, parent_digest=newest.digest,
                   certificate=replace(good.certificate, parent_digest=good.digest))


def attack(learnt, oracle, tally, rng, count):
    """Send `count` of them; after each one a policy of the adapter must run again."""
    adapter, name = Adapter(learnt, oracle, tally, rng, Learner(learnt)), 'version: far above'
    for _ in range(count):
        tally.tried(name)
        record = hostile(adapter, rng, learnt.chain.latest)
        before = adapter.admission.gate.refusals
        adapter.receive(name, record)
        if adapter.admission.gate.refusals > before:
            tally.refusal(name, adapter.admission.gate.refused.reason)
        else:
            tally.take(name)
        restarted = str(rng.choice(['nobody', 'nobody', 'the adapter', 'the controller']))
        if restarted == 'the adapter':
            adapter.restart_adapter()
        elif restarted == 'the controller':
            adapter.restart_controller()
        why_not = _goes_on(adapter, name)
        if why_not:
            tally.fail('learning_ended', f'after version {record.version}, {restarted} started '
                       f'again: {why_not}')
            return


def _goes_on(adapter, name):
    """Return '' once a policy of the adapter runs that did not, else what is in the way."""
    swaps = adapter.admission.gate.swaps
    try:
        for _ in range(_ROUNDS):
            adapter.turn(name)
            if adapter.admission.gate.swaps > swaps:
                return ''
    except (AssertionError, OverflowError) as error:  # a number that no message can carry
        return f'{type(error).__name__}: {error}'
    return adapter.session.results.reason
