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

"""What the attacked system learnt before: a task, good records, a spying verifier."""

from dataclasses import dataclass

from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.systems.scenario import interior_states


@dataclass(frozen=True)
class Learnt:
    """A chain of certified policies of one specification."""

    spec: object  # Spec
    task: object  # ControlTask
    chain: object  # PolicyChain, versions 0 ..


def learn(spec=None, updates=14, expert='overspeed', seed=5):
    """Return what an adapter learns from one expert in some updates."""
    spec = Spec() if spec is None else spec
    learner = Adaptation(spec, AdapterConfig(seed=seed))
    task, first = learner.task, learner.begin()
    states = interior_states(task.safe_set, 300, seed)
    law = ExpertCatalogue(task.system, task.gain).law(expert)
    learner.demonstrations.add(states, law(states))
    return Learnt(spec, task, accepted(learner, first, updates))


def accepted(learner, first, updates):
    """Return the chain of the first policy and those that are accepted in some updates."""
    chain = PolicyChain(learner.task.digest)
    chain.append(first.theta, first.certificate)
    for _ in range(updates):
        report = learner.update()
        if report.outcome == 'ACCEPTED':
            chain.append(report.theta, report.certificate)
    return chain
