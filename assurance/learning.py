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
    chain = PolicyChain(task.digest)
    chain.append(first.theta, first.certificate)
    for _ in range(updates):
        report = learner.update()
        if report.outcome == 'ACCEPTED':
            chain.append(report.theta, report.certificate)
    return Learnt(spec, task, chain)
