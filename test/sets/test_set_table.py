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

"""Tables of lifted sets: built once, a key for all that matters, and nothing unproved is used."""

from dataclasses import fields, replace
import logging
from pathlib import Path

import numpy as np
import pytest
from scpo_ros.backup.lifted_mpc import planned_set
from scpo_ros.config import table_cache
from scpo_ros.exceptions import ConfigurationError, NoSafeSetError
from scpo_ros.sets import lifted_construction, lifted_design, set_table
from scpo_ros.sets.contraction_check import check_contraction
from scpo_ros.sets.invariance_proof import largest_excess, require_contractive
from scpo_ros.sets.lifted_construction import lifted_set
from scpo_ros.sets.lifted_design import feedback, SetDesign
from scpo_ros.sets.system_set import safe_parts
from scpo_ros.systems import load
from scpo_ros.systems.decoupling import blocks

SYSTEM = load('double_integrator')
BLOCK, = blocks(SYSTEM)
PLACES = 2  # the two equal axes of double_integrator_2


@pytest.fixture
def built(monkeypatch):
    """Return the list of the parts for which a set was designed."""
    parts, chosen = [], SetDesign.chosen

    def counted(design, contraction):
        parts.append(design.block)
        return chosen(design, contraction)
    monkeypatch.setattr(SetDesign, 'chosen', counted)
    return parts


@pytest.fixture
def told(caplog):
    """Return a function that gives the lines at WARNING or above since it was called last."""
    caplog.set_level(logging.WARNING)

    def lines():
        found = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return found
    return lines


def table_of(folder):
    path, = Path(folder).glob('safe-set-*')
    return path


def same(one, other):
    return (np.array_equal(one.safe_set.rows, other.safe_set.rows)
            and np.array_equal(one.safe_set.gain, other.safe_set.gain)
            and one.safe_set.contraction == other.safe_set.contraction
            and one.safe_set.horizon == other.safe_set.horizon
            and one.mean_radius == other.mean_radius)


def test_a_second_build_loads(tmp_path, built, told):
    first, = safe_parts(SYSTEM, tmp_path)
    second, = safe_parts(SYSTEM, tmp_path)
    assert len(built) == 1 and same(first, second) and told() == []


def test_equal_parts_share_a_table(tmp_path, built):
    assert len(safe_parts(load('double_integrator_2'), tmp_path)) == PLACES
    assert len(built) == 1


@pytest.mark.parametrize('change', [
    {'A': SYSTEM.A * (1 - 1e-9)}, {'B': SYSTEM.B * (1 - 1e-9)},
    {'disturbance': SYSTEM.disturbance * (1 - 1e-9)},
    {'state_lower': SYSTEM.state_lower * [0.999, 1.0]},
    {'input_upper': SYSTEM.input_upper * 0.999}],
    ids=lambda change: next(iter(change)))
def test_another_system_has_another_table(tmp_path, built, change):
    safe_parts(SYSTEM, tmp_path)
    safe_parts(replace(SYSTEM, **change), tmp_path)
    assert len(built) == 2


@pytest.mark.parametrize('change', [{'contraction': 0.97}, {'contraction': None}, {'horizon': 3}])
def test_another_question_has_another_table(tmp_path, built, change):
    safe_parts(SYSTEM, tmp_path)
    description = replace(SYSTEM.description, **change)
    if description == SYSTEM.description:
        pytest.skip('that is what is asked of it')
    safe_parts(replace(SYSTEM, description=description), tmp_path)
    assert len(built) == 2


@pytest.mark.parametrize('name', [entry.name for entry in fields(BLOCK)])
def test_every_array_is_in_the_key_or_does_not_matter(name):
    """Those of the key matter in each entry; the set is built without the others."""
    array = getattr(BLOCK, name)
    if name in set_table._DECIDES:
        for place in np.ndindex(array.shape):
            changed = array.copy()
            changed[place] += 1e-12
            other = replace(BLOCK, **{name: changed})
            assert set_table.set_key(other) != set_table.set_key(BLOCK)
    elif name not in ('states', 'inputs'):  # of them the numbers n and m count, as in B
        unknown = replace(BLOCK, **{name: np.full(array.shape, np.nan)})
        assert set_table.set_key(unknown) == set_table.set_key(BLOCK)
        assert np.array_equal(SetDesign(unknown, 2).chosen(0.97).rows,
                              SetDesign(BLOCK, 2).chosen(0.97).rows)


@pytest.mark.parametrize('module, name', [
    (lifted_construction, 'MARGIN'), (lifted_design, '_INPUT_WEIGHTS'), (set_table, '_ALGORITHM')])
def test_a_changed_construction_has_another_key(monkeypatch, module, name):
    before, value = set_table.set_key(BLOCK), getattr(module, name)
    monkeypatch.setattr(module, name, value + '+' if isinstance(value, str) else value * 1.01)
    assert set_table.set_key(BLOCK) != before


def test_a_missing_safe_set_is_not_kept(tmp_path, built):
    hopeless = replace(SYSTEM, description=replace(SYSTEM.description, contraction=0.3))
    for _ in range(2):
        with pytest.raises(NoSafeSetError):
            safe_parts(hopeless, tmp_path)
    assert len(built) == 2 and not list(tmp_path.iterdir())


def forged(folder, **changes):
    """Put other arrays into the table, under a seal that fits."""
    path = table_of(folder)
    with np.load(path) as data:
        arrays = {name: data[name] for name in set_table._ARRAYS}
    arrays.update({name: change(arrays[name]) for name, change in changes.items()})
    assert table_cache._write(path, arrays) is None


def without_a_facet(rows):
    """Leave out the facet that is the nearest one to the axis of the velocity."""
    return np.delete(rows, np.argmax(rows[:, 1] - np.abs(rows[:, 2:]).sum(axis=1)), axis=0)


def poisoned(rows):
    rows = rows.copy()
    rows[3, 1] = np.nan
    return rows


@pytest.mark.parametrize('changes', [
    {'rows': lambda rows: rows / 1.001}, {'rows': without_a_facet}, {'rows': poisoned},
    {'rows': lambda rows: rows[:, :-1]}, {'rows': lambda rows: rows[:0]},
    {'gain': lambda gain: gain * 1.01}, {'gain': lambda gain: gain[:, :1]},
    {'gain': lambda gain: 0 * gain}, {'contraction': lambda factor: factor - 1e-3},
    {'contraction': lambda factor: factor + 1}, {'contraction': lambda factor: -factor},
    {'contraction': lambda factor: factor * np.nan}])
def test_a_forged_table_is_made_anew_with_one_line(tmp_path, built, told, changes):
    first, = safe_parts(SYSTEM, tmp_path)
    forged(tmp_path, **changes)
    again, = safe_parts(SYSTEM, tmp_path)
    assert len(built) == 2 and same(first, again)
    line, = told()
    assert table_of(tmp_path).name in line and 'is made anew' in line
    safe_parts(SYSTEM, tmp_path)
    assert len(built) == 2 and told() == []


def test_a_torn_table_is_made_anew_with_one_line(tmp_path, built, told):
    first, = safe_parts(SYSTEM, tmp_path)
    table = table_of(tmp_path)
    table.write_bytes(table.read_bytes()[:-200])
    assert same(first, safe_parts(SYSTEM, tmp_path)[0])
    assert len(built) == 2 and len(told()) == 1


def test_the_planned_set_is_kept_as_well(tmp_path, monkeypatch):
    part, = safe_parts(SYSTEM, tmp_path)
    asked = part.block, part.safe_set, {0: 0.8}
    first = planned_set(*asked, {0: 0.5}, tmp_path)
    other = planned_set(*asked, {0: 0.6}, tmp_path)
    monkeypatch.setattr('scpo_ros.backup.lifted_mpc.lifted_set', None)
    assert np.array_equal(planned_set(*asked, {0: 0.5}, tmp_path).rows, first.rows)
    assert np.array_equal(planned_set(*asked, {0: 0.6}, tmp_path).rows, other.rows)
    with pytest.raises(TypeError):
        planned_set(*asked, {0: 0.7}, tmp_path)


@pytest.mark.parametrize('name, factor', [
    ('double_integrator', 0.97), ('ball_and_beam', 0.975), ('vehicle_lateral', 0.975)])
def test_the_proof_agrees_with_the_sampled_check(name, factor):
    block = blocks(load(name))[0]
    found = lifted_set(block, feedback(block, 10.0), factor, 3)
    require_contractive(block, found)
    assert check_contraction(block, found, found.boundary(6)).worst <= factor + 1e-6
    forgetful = lifted_set(replace(block, disturbance=0 * block.disturbance), found.gain,
                           factor, 3)
    assert check_contraction(block, forgetful, forgetful.boundary(6)).worst > factor + 1e-4
    with pytest.raises(ConfigurationError, match='rows must bound a contractive set'):
        require_contractive(block, forgetful)


def test_the_proof_finds_every_row_that_is_needed(tmp_path):
    """Any facet left out of a set lets it grow, and what grows contracts no more, or is wider."""
    part, = safe_parts(SYSTEM, tmp_path)
    rows = part.safe_set.rows
    unproved = sum(largest_excess(
        part.block, replace(part.safe_set, rows=np.delete(rows, place, axis=0))) > 1e-6
        for place in range(len(rows)))
    assert unproved == len(rows)
