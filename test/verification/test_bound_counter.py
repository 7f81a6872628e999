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

"""The counter of tests: nothing is forgotten, nothing is guessed."""

from concurrent.futures import ThreadPoolExecutor
import json

import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig, MetricsConfig, Spec
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.ledger.history import History
from scpo_ros.ledger.ledger import read
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.sampled_verification import SampledEvaluation
from session_samples import answer, DESCRIBED, report, STEP, SYSTEM

SPEC = Spec(metrics=MetricsConfig(design_states=8, verification_states=12, certificate='sampled',
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
    adaptation = Adaptation(SPEC, AdapterConfig(verification='sampled-bound',
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
        verification='sampled-bound', bound_file=str(tmp_path / 'bound.json')))

    def full(self, bound):
        raise OSError('no space left on device')

    monkeypatch.setattr(BoundCounter, '_write', full)
    report = adaptation.begin()
    assert report.certificate is None and 'no space left' in report.reason


def test_the_file_must_be_named():
    with pytest.raises(ConfigurationError, match='bound_file'):
        AdapterConfig(verification='sampled-bound')
    with pytest.raises(ConfigurationError):
        AdapterConfig(verification='promised')


# The ledger as a second witness -----------------------------------------------------------------


def test_a_file_that_was_deleted_forgets_nothing_that_the_ledger_knows(tmp_path, caplog):
    path = tmp_path / 'bound.json'
    for _ in range(3):
        BoundCounter(path).spend()
    path.unlink()
    counter = BoundCounter(path, known=3)
    assert counter.read().tests == 3 and counter.spend().tests == 3
    line, = [r.getMessage() for r in caplog.records if r.levelname == 'WARNING']
    assert 'tells of 0 tests, the ledger of 3' in line and str(path) in line
    assert BoundCounter(path).read().tests == 4


def test_the_larger_of_file_and_ledger_counts(tmp_path, caplog):
    path = tmp_path / 'bound.json'
    for _ in range(5):
        BoundCounter(path).spend()
    assert BoundCounter(path, known=2).read().tests == 5
    assert not [r for r in caplog.records if r.levelname == 'WARNING']
    assert BoundCounter(path, known=9).spend().tests == 9
    assert BoundCounter(path).read().tests == 10


def test_a_file_deleted_while_tests_are_made_counts_on(tmp_path):
    path = tmp_path / 'bound.json'
    counter = BoundCounter(path)
    for expected in range(6):
        assert counter.spend().tests == expected
        path.unlink()


def test_the_tests_go_into_the_ledger_and_out_of_it(tmp_path):
    history = History(tmp_path, 'adapter')
    session = Session(AdapterConfig(), SYSTEM, history=history)
    session.conclude(DESCRIBED)
    for tests in (1, 4, 4, 2):
        session.conclude(answer(STEP, report(tests, changed=False, tests=tests)))
    history.stop()
    again = History(tmp_path, 'adapter')
    again.stop()
    assert again.tests == 4
    kept = [e.body for e in read((tmp_path / 'adapter.ledger').read_bytes()).entries]
    assert [body['tests'] for body in kept if body['kind'] == 'tested'] == [1, 4]


@pytest.mark.parametrize('tests', [None, 'x', -1, 1.5, 10**400, True, []])
def test_a_count_in_a_ledger_that_is_no_count_is_ignored(tmp_path, tests):
    history = History(tmp_path, 'adapter')
    history.note('tested', tests=2).result(10)
    history.note('tested', tests=tests).result(10)
    history.stop()
    again = History(tmp_path, 'adapter')
    again.stop()
    assert again.tests == 2


def test_a_learner_reports_its_tests_and_begins_with_those_of_the_ledger(tmp_path):
    config = AdapterConfig(verification='sampled-bound', bound_file=str(tmp_path / 'bound.json'))
    adaptation = Adaptation(SPEC, config, None, 6)
    assert adaptation.begin().tests == 7
    assert json.loads((tmp_path / 'bound.json').read_text())['tests'] == 7
    assert Adaptation(SPEC, AdapterConfig()).begin().tests == 0
