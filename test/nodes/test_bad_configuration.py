"""A bad configuration is one line and the exit code 2, before anything moves."""

import pytest


@pytest.mark.parametrize('node, parameters, parts', [
    ('plant', {'system__dt': -1.0}, ['system.dt', '-1.0']),
    ('plant', {'system__position_limt': 1.0}, ['system.position_limt', 'did you mean']),
    ('plant', {'system__disturbance': 5.0}, ['disturbance', 'small enough']),
    ('plant', {'random_start': False, 'initial_state': [0.9, 0.5]},
     ['initial_state', '[0.9, 0.5]', 'safe set']),
    ('plant', {'random_start': False, 'initial_state': [0.9]}, ['initial_state', 'shape']),
    ('expert', {'expert': 'nobody'}, ['nobody', 'benign']),
    ('controller', {'backup__planned_velocity': 0.9}, ['backup.planned_velocity', '0.6']),
    ('adapter', {'plan_margin': 0.01}, ['plan_margin', 'accept_margin']),
    ('monitor', {'seed': 1.5}, ['seed', '1.5', 'int']),
])
def test_a_bad_parameter_is_named_with_its_rule(processes, ros, node, parameters, parts):
    process = processes.start(node, **parameters)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    lines = [line for line in errors.splitlines() if line.startswith('[scpo_ros] error:')]
    assert len(lines) == 1
    assert all(part in lines[0] for part in parts), lines[0]
    assert 'Traceback' not in errors
