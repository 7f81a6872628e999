"""The counter of tests: nothing is forgotten, nothing is guessed."""

from concurrent.futures import ThreadPoolExecutor
import json

import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.config import AdapterConfig, MetricsConfig, Spec
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.sampled_verification import SampledEvaluation

SPEC = Spec(metrics=MetricsConfig(design_states=8, verification_states=12, invariance='sampled',
                                  invariance_states=500))


def test_tests_are_counted_across_restarts(tmp_path):
    path = tmp_path / 'state' / 'bound.json'
    assert [BoundCounter(path).spend().tests for _ in range(3)] == [0, 1, 2]
    assert BoundCounter(path).read().tests == 3
    assert BoundCounter(path).read().scenarios > BoundCounter(tmp_path / 'new').read().scenarios


def test_no_test_is_lost_between_processes(tmp_path):
    counters = [BoundCounter(tmp_path / 'bound.json') for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda i: counters[i % 4].spend().tests, range(40)))
    assert sorted(seen) == list(range(40))


@pytest.mark.parametrize('text', [
    '', '{', '[]', 'null', '{"p": 0.001, "beta": 0.001}', '\x00',
    '{"p": 0.001, "beta": 0.001, "tests": -1}', '{"p": 0.001, "beta": 0.001, "tests": 1.5}',
    '{"p": 0.001, "beta": NaN, "tests": 1}', '{"p": 0.001, "beta": 0.001, "tests": true}'])
def test_a_damaged_file_is_refused_and_kept(tmp_path, text):
    path = tmp_path / 'bound.json'
    path.write_text(text)
    with pytest.raises(ConfigurationError, match='damaged'):
        BoundCounter(path)
    assert path.read_text() == text


def test_another_claim_is_not_mixed_in(tmp_path):
    BoundCounter(tmp_path / 'bound.json', p=0.01).spend()
    with pytest.raises(ConfigurationError, match='p = 0.01'):
        BoundCounter(tmp_path / 'bound.json')


def test_the_count_is_on_disk_before_the_scenarios_are_drawn(tmp_path):
    path = tmp_path / 'bound.json'
    adaptation = Adaptation(SPEC, AdapterConfig(certificate='sampled-bound',
                                                bound_file=str(path)))
    theta = adaptation.task.initial_theta
    counts = []

    class Watched(type(adaptation.task.metric)):

        def __call__(self, thetas, *arguments):
            if path.exists():
                counts.append(json.loads(path.read_text())['tests'])
            return super().__call__(thetas, *arguments)

    assert isinstance(adaptation.evaluation, SampledEvaluation)
    report = adaptation.begin()
    assert report.certificate is not None
    assert 'probability at most' in adaptation.evaluation.coverage
    object.__setattr__(adaptation.task, 'metric', Watched(**vars(adaptation.task.metric)))
    assert np.all(adaptation.evaluation.verify(theta[None]) <= 0)
    assert counts[0] == 1 and set(counts[1:]) == {2}  # the fixed sets, then the fresh scenarios


def test_a_count_that_cannot_be_written_certifies_nothing(tmp_path, monkeypatch):
    adaptation = Adaptation(SPEC, AdapterConfig(
        certificate='sampled-bound', bound_file=str(tmp_path / 'bound.json')))

    def full(self, bound):
        raise OSError('no space left on device')

    monkeypatch.setattr(BoundCounter, '_write', full)
    report = adaptation.begin()
    assert report.certificate is None and 'no space left' in report.reason


def test_the_file_must_be_named():
    with pytest.raises(ConfigurationError, match='bound_file'):
        AdapterConfig(certificate='sampled-bound')
    with pytest.raises(ConfigurationError):
        AdapterConfig(certificate='promised')
