"""What a refusal tells a person to do."""

import numpy as np
import pytest
from scpo_ros.adaptation import Adaptation
from scpo_ros.advice import advice, clipped
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.control.expert import ExpertCatalogue
from scpo_ros.control.scenario import interior_states
from scpo_ros.scpo import UpdateOutcome

FINE = {'ACCEPTED', 'UNCHANGED'}
OURS = {'MODEL_INVALID', 'CONTROLLER', 'WORKER'}


@pytest.mark.parametrize('outcome', sorted({o.name for o in UpdateOutcome} - FINE | OURS))
def test_every_refusal_says_what_to_do(outcome):
    must_act, sentence = advice(outcome)
    assert len(sentence) > 20
    assert must_act != sentence.startswith('nothing to do') or outcome == 'ROLLED_BACK'


def test_a_step_that_was_taken_whole_or_that_nobody_looked_at_is_not_explained():
    assert clipped(1.0, 'it is dangerous') == clipped(0.1, '') == ''
    assert clipped(float('nan'), 'it is dangerous') == ''
    assert clipped(0.025, 'it is dangerous') == (
        'clipped to 2.5 % of what the teacher asks; in full, it is dangerous')


@pytest.fixture(scope='module')
def learner():
    """Return a learner who is looked at whenever asked."""
    times = iter(np.arange(1e6))
    return Adaptation(Spec(), AdapterConfig(), clock=lambda: 10 * next(times))


def taught(learner, law):
    states = interior_states(learner.task.safe_set, 200, 3)
    actions = ExpertCatalogue(learner.task.system, learner.task.gain).law(law)(states)
    learner.demonstrations.add(states, actions)
    return learner.update()


def test_a_malicious_step_says_what_it_would_do(learner):
    learner.begin()
    report = taught(learner, 'sign_flip')
    assert report.clipped < 0.9 and report.tries >= 1
    assert any(word in report.objection for word in ('input', 'cost', 'origin', 'finite'))
    assert report.present.shape[1] == 2  # what the present policy does, for the markers
    unsafe = np.array(learner.updater.theta)
    unsafe[-16:] = 3.0
    assert learner.evaluation.objection(unsafe)
    assert learner.evaluation.objection(learner.task.initial_theta) == ''  # the negative control


def test_what_may_change_does_and_the_rest_stays(learner):
    learner.reconfigure(AdapterConfig(damping=0.5, demonstrations=100, min_demonstrations=90,
                                      accept_margin=0.001))
    assert (learner.config.damping, learner.demonstrations.capacity) == (0.5, 100)
    assert learner.config.accept_margin == learner.updater.settings.accept_margin == 0.02
    learner.reset()
    learner.demonstrations.add(np.zeros((89, 2)), np.zeros((89, 1)))
    assert learner.update().outcome == 'FEW_DEMONSTRATIONS'


def test_a_refused_policy_is_shown_from_the_state_of_the_present_one(learner):
    unsafe = np.array(learner.task.initial_theta)
    unsafe[-16:] = 3.0
    report = learner.restore(unsafe)
    assert not report.changed and report.candidate.shape == unsafe.shape
    assert np.array_equal(report.trajectory[0], report.present[0])
    assert len(report.present) == learner.task.horizon + 1
