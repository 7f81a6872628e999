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

"""Rivals publish side by side; a node that was started again takes the place of its dead self."""

from scpo_ros.health.rivals import in_words, Rivals

ONE, OTHER, THIRD = {b'1': '/a/plant'}, {b'2': '/b/driver'}, {b'3': '/a/plant'}


def test_one_alone_is_no_rival():
    rivals = Rivals(7.0)
    assert all(rivals.see('states', ONE, now) == () for now in range(100))
    assert rivals.see('states', {}, 100) == ()


def test_two_that_stay_are_rivals_and_both_are_named():
    rivals = Rivals(7.0)
    assert [rivals.see('states', ONE | OTHER, now) for now in range(9)] == [
        *[()] * 8, ('/a/plant', '/b/driver')]
    assert rivals.see('states', ONE, 9) == ()
    assert rivals.see('states', ONE | OTHER, 10) == ()  # again in company, from now on


def test_a_predecessor_within_its_lease_is_none():
    rivals = Rivals(7.0)
    rivals.see('states', ONE, 0)
    assert all(rivals.see('states', ONE | THIRD, now) == () for now in range(1, 7))
    assert rivals.see('states', THIRD, 7) == ()


def test_a_node_that_ends_again_and_again_has_no_rivals():
    """It lives for 2 s, its lease for 5 s more; then comes the next."""
    rivals = Rivals(7.0)
    for now in range(60):
        present = {bytes([n]): '/a/plant' for n in range(20) if 3 * n <= now < 3 * n + 7}
        assert rivals.see('states', present, now) == ()


def test_topics_are_apart():
    rivals = Rivals(1.0)
    for now in range(4):
        assert rivals.see('commands', ONE, now) == ()
        found = rivals.see('states', ONE | THIRD, now)
    assert found == ('/a/plant', '/a/plant')


def test_the_sentence_names_the_topic_and_both():
    said = in_words('/a/joint_states', ('/a/plant', '/b/driver'))
    assert '/a/joint_states' in said and '/a/plant and /b/driver' in said
