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

"""The benchmark: every result has its name, and the alternatives solve the same problems."""

import itertools
import json
import sys
import time
from types import SimpleNamespace

from benchmark import (
    __main__ as program, backup, growth, instances, invariant_set, measure, memory, processes,
    projection, rollouts, round_trip, setting, whole_update)
import numpy as np
import pytest
from scpo_ros.ledger.ledger import Ledger
from scpo_ros.scpo import solve_projection
from scpo_ros.sets.invariant_set import contractive_set


NAMES = {
    'backup_solve_vs_cvxpy_dpp', 'backup_solve_vs_ipopt', 'backup_law_batch_vs_loop',
    'rollouts_vs_solver_loop', 'rollout_state_steps_per_second', 'projection_vs_cvxpy_fresh',
    'projection_vs_cvxpy_dpp', 'projection_default_vs_cvxpy_fresh', 'invariant_set_vs_polytope',
    'whole_update_seconds', 'round_trip_events_vs_single', 'adapter_peak_rss_mb'}


@pytest.fixture
def small(monkeypatch):
    """Make every measurement short; processes and what is not installed are stood in for."""
    timed = measure.interleaved
    for module in (backup, invariant_set, projection, rollouts):
        monkeypatch.setattr(module, 'interleaved', lambda calls, rounds: timed(calls, 1))
    monkeypatch.setattr(invariant_set, 'with_polytope',
                        lambda system, contraction: contractive_set(system, contraction).H)
    for module, name, size in (
            (backup, 'BLOCK', 1), (backup, 'LAW_STATES', 50), (projection, 'BLOCK', 1),
            (projection, 'COUNTS', {True: (10, 10, 2)}), (whole_update, 'DIRECTIONS', 4)):
        monkeypatch.setattr(module, name, size)
    monkeypatch.setattr(rollouts, 'SCENARIOS', 8)
    monkeypatch.setattr(rollouts, 'NAIVE_SCENARIOS', 1)
    monkeypatch.setattr(whole_update, 'SCENARIOS', 16)
    monkeypatch.setattr(whole_update, 'VERIFICATION', 64)
    monkeypatch.setattr(projection, 'of_the_default_path',
                        lambda count: instances.of_the_default_path(1))
    monkeypatch.setattr(growth, 'scenarios', lambda count: setting.scenarios(min(count, 8)))
    monkeypatch.setattr(memory, 'adapter', lambda seconds: 300.0)
    monkeypatch.setattr(memory, 'grown', lambda count: 150.0)
    monkeypatch.setattr(round_trip, 'trips', lambda executor, seconds, adapting: (
        np.array([1.0, 2.0, 3.0]) * {'events': 1, 'single': 2}[executor],
        {'late': 0.0, 'still': 0.0, 'swaps': 1}))
    monkeypatch.setattr(round_trip, 'echoes', lambda executor, seconds: (
        np.array([1.0, 2.0, 3.0]) * {'events': 1, 'single': 4}[executor]))


def test_every_result_is_written(small, tmp_path, capsys):
    path = tmp_path / 'results.json'
    assert program.main(['--quick', '--output', str(path)]) == 0
    entries = json.loads(path.read_text())['results']
    names = [entry['name'] for entry in entries]
    assert set(names) >= NAMES and len(set(names)) == len(names)
    for entry in entries:
        assert set(entry) == {'name', 'value', 'spread', 'unit'}
        assert np.isfinite(entry['value']) and np.isfinite(entry['spread']), entry
    values = {entry['name']: entry['value'] for entry in entries}
    assert values['round_trip_events_vs_single'] == 2.0
    assert values['round_trip_echo_events_vs_single'] == 4.0
    shown = capsys.readouterr().out
    assert all(f'| {name} ' in shown for name in names)


def test_one_section_alone(small, tmp_path):
    path = tmp_path / 'one.json'
    path.write_text('{"results": [{"name": "whole_update_seconds", "value": 1}]}')
    program.main(['--quick', '--only', 'growth', '--output', str(path)])
    first, *others = json.loads(path.read_text())['results']
    assert first == {'name': 'whole_update_seconds', 'value': 1}  # not measured again
    assert others and all(entry['name'].startswith('growth') for entry in others)


def test_a_ratio_is_the_alternatives_time_over_ours():
    result = measure.ratio('r', np.array([1.0, 2.0, 1.0]), np.array([40.0, 100.0, 60.0]), 45.0)
    assert result.value == 50.0 and result.spread == 10.0 and result.met is True


@pytest.mark.parametrize('value, higher, met', [
    (2.0, True, True), (0.5, True, False), (0.5, False, True), (2.0, False, False),
    (np.nan, True, False), (np.nan, False, False)])
def test_a_target_is_met_or_not(value, higher, met):
    assert measure.Result('r', value, 0.0, 'x', 1.0, higher).met is met
    assert measure.Result('r', value, 0.0, 'x').met is None


def test_calls_take_turns_and_are_timed_by_the_clock():
    seen, ticks = [], iter(range(100))
    calls = [lambda index: seen.append(('a', index)), lambda index: seen.append(('b', index))]
    times = measure.interleaved(calls, 2, clock=lambda: next(ticks))
    assert seen == [('a', 0), ('b', 0), ('a', 0), ('b', 0), ('a', 1), ('b', 1)]
    assert np.array_equal(times, np.ones((2, 2)))


def test_blocks_go_through_all_items_and_begin_again():
    seen = []
    block = measure.blocks(seen.append, list('abcdef'), 2)
    for index in range(4):
        block(index)
    assert ''.join(seen) == 'abcdefab'


@pytest.mark.parametrize('build, tolerance', [
    (backup.cvxpy_dpp, 1e-3), (backup.opti_ipopt, 1e-4)])
def test_the_alternatives_of_the_backup_solve_the_same_problem(build, tolerance):
    mpc = setting.task().mpc
    solve = build(mpc.qp)
    for x in setting.states(8):
        assert solve(x) == pytest.approx(mpc.solve(x)[0], abs=tolerance)


def test_the_alternatives_of_the_projection_solve_the_same_problem():
    rng, solve = np.random.default_rng(0), projection.parametrised(32, 4)
    for _ in range(5):
        problem = instances.realistic(rng, 32, 4)
        ours = problem.objective(solve_projection(problem).b)
        for other in (projection.as_in_the_paper, solve):
            b = other(problem)
            assert problem.region.violation(b) <= 1e-5
            assert problem.objective(b) == pytest.approx(ours, abs=1e-4 * problem.scale)


def test_the_alternative_of_the_rollouts_is_the_same_rollout():
    thetas, drives = setting.weights(2, 0.02), setting.scenarios(3, 10)
    final = setting.task().simulator.summarise(thetas, drives).final
    assert np.allclose(rollouts.naive(thetas, drives), final, rtol=0, atol=1e-9)


@pytest.mark.parametrize('draw, count', [(instances.realistic, 150), (instances.hard, 80)])
def test_projections_are_certified(draw, count):
    rng = np.random.default_rng(17)
    for _ in range(count):
        answer = solve_projection(draw(rng))
        assert answer.violation <= 0.0 and answer.duality_gap <= 1e-9


def test_problems_of_the_default_path_have_its_size():
    problem, = instances.of_the_default_path(1)
    assert problem.gram.shape == (16, 16) and not problem.isotropic
    assert len(problem.region.g) == 240
    assert solve_projection(problem).duality_gap <= 1e-9


def test_the_peak_of_a_process_counts_its_children():
    import os
    import subprocess
    import sys
    alone = memory.peak_mb(os.getpid())
    hold = 'b = bytes([1]) * 50_000_000; print(flush=True); input()'
    with subprocess.Popen([sys.executable, '-c', hold], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert memory.peak_mb(os.getpid()) > alone + 45
        child.stdin.close()


def test_two_nodes_that_do_nothing_answer_each_other():
    times = round_trip.echoes('events', 1.0)
    assert len(times) > 10 and np.all(times > 0)


@pytest.mark.parametrize('kept_s, still', [(0.0, False), (0.03, True)])
def test_a_machine_that_stands_still_is_noticed(monkeypatch, kept_s, still):
    clock = itertools.count(0.0, 0.002 + kept_s)  # what the sleeping thread sees
    monkeypatch.setattr(processes, 'time', SimpleNamespace(
        sleep=lambda seconds: time.sleep(0.001), monotonic=lambda: next(clock)))
    monkeypatch.setattr(processes.os, 'sched_setscheduler', lambda *_: None)
    with processes.Stillness() as stillness:
        time.sleep(0.05)
    assert (stillness.total_s > 0) is still


def test_without_the_priority_nothing_is_said_of_the_machine(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(processes.os, 'sched_setscheduler', refuse)
    with processes.Stillness() as stillness:
        pass
    assert np.isnan(stillness.total_s)


def test_what_started_is_stopped_when_another_cannot_start():
    nodes = processes.Processes({
        'one': [sys.executable, '-c', 'import time; time.sleep(60)'], 'other': ['/no/such']})
    with pytest.raises(FileNotFoundError), nodes:
        pass
    assert nodes.processes['one'].poll() is not None


def test_a_run_that_does_not_learn_is_no_measurement(monkeypatch, tmp_path):
    monkeypatch.setattr(round_trip, 'PATIENCE_S', 0.6)
    run = round_trip.Run(tmp_path, [])
    with pytest.raises(RuntimeError, match='does the adapter learn'):
        run.await_swaps(1)


def test_swaps_are_counted_in_the_ledger_of_the_controller(tmp_path):
    run = round_trip.Run(tmp_path, [])
    assert run.swaps == 0
    ledger = Ledger(tmp_path / 'run' / 'controller.ledger')
    ledger.append({'kind': 'accepted'}, {'kind': 'running'}, {'kind': 'running'})
    ledger.close()
    assert run.swaps == 2


def test_a_process_that_ends_ends_the_measurement():
    with processes.Processes({'answer': [sys.executable, '-c', 'raise SystemExit(3)']}) as run:
        run.processes['answer'].wait()
        with pytest.raises(RuntimeError, match='the answer ended with code 3'):
            run.check()


def test_a_worker_that_verified_the_backup_needs_memory():
    assert 30.0 < memory.grown(4) < 2000.0
