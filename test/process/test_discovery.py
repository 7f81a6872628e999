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

"""Being found quickly: what is set, and what of the user's own is left alone."""

from xml.etree import ElementTree

import pytest
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.process.discovery import lease_s, require_domain, shorten_discovery


def test_profile_and_transport_are_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {}
    shorten_discovery(environment)
    assert environment['FASTDDS_BUILTIN_TRANSPORTS'] == 'UDPv4'
    tree = ElementTree.parse(environment['FASTRTPS_DEFAULT_PROFILES_FILE'])
    assert [node.get('is_default_profile') for node in tree.iter() if node.tag.endswith(
        '}participant')] == ['true']


@pytest.mark.parametrize('own', [{'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine.xml'},
                                 {'FASTDDS_BUILTIN_TRANSPORTS': 'SHM'}])
def test_what_the_user_has_set_is_left_alone(own):
    environment = dict(own)
    shorten_discovery(environment)
    assert environment == own


def test_a_profile_in_the_working_directory_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'DEFAULT_FASTRTPS_PROFILES.xml').write_text('<profiles/>')
    environment = {}
    shorten_discovery(environment)
    assert environment == {}


def test_both_profiles_announce_alike():
    """What the assurance measures is what a robot gets."""
    files = [share_file('config/fastdds.xml'), share_file('assurance/loopback.xml')]
    found = [[ElementTree.tostring(node) for node in ElementTree.parse(path).iter()
              if node.tag.endswith('}discovery_config')] for path in files]
    assert found[0] and [b''.join(part.split()) for part in found[0]] == [
        b''.join(part.split()) for part in found[1]]


def test_the_lease_is_that_of_the_profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {}
    shorten_discovery(environment)
    tree = ElementTree.parse(environment['FASTRTPS_DEFAULT_PROFILES_FILE'])
    lease, = [node for node in tree.iter() if node.tag.endswith('leaseDuration')]
    assert [float(part.text) for part in lease] == [lease_s(environment)]
    assert lease_s({'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine.xml'}) == lease_s({}) == 20.0


@pytest.mark.parametrize('domain', ['', '0', '77', '232'])
def test_a_domain_with_ports_is_taken(domain):
    require_domain({'ROS_DOMAIN_ID': domain})
    require_domain({})


@pytest.mark.parametrize('domain', ['233', '9999', '-1', 'abc', '1.0', '\u00b2', '9' * 5000])
def test_a_domain_without_ports_is_refused_with_the_rule(domain):
    with pytest.raises(ConfigurationError, match='ROS_DOMAIN_ID must be a whole number from 0'):
        require_domain({'ROS_DOMAIN_ID': domain})
