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

"""The adapter's services: what they refuse, and that what they say is so."""

from types import SimpleNamespace

import pytest
from scpo_ros.adapter.requests import Describe
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig
from scpo_ros.ledger.history import History
from scpo_ros.nodes.adapter_services import AdapterServices
from session_samples import (
    acknowledgement, answer, begun, DESCRIBED, report, RESTORE, STEP, SYSTEM)
from std_srvs.srv import Trigger


class Offered:
    """A node that only remembers what is offered."""

    def __init__(self):
        self.services = {}

    def create_service(self, _, name, callback):
        self.services[name] = callback

    def get_logger(self):
        return SimpleNamespace(info=lambda _: None, warn=lambda _: None)


@pytest.mark.parametrize('name', ['rollback', 'reset', 'save_policy', 'load_policy'])
def test_before_the_first_certificate_every_service_refuses_with_its_reason(name):
    """The worker is asked nothing: its answer could not be numbered."""
    node, asked = Offered(), []
    AdapterServices(node, Session(AdapterConfig(), SYSTEM), asked.append)
    said = node.services[f'~/{name}'](Trigger.Request(), Trigger.Response())
    assert not said.success and said.message and asked == []


@pytest.mark.parametrize('name', ['rollback', 'reset', 'load_policy'])
def test_while_the_policy_of_an_earlier_life_is_verified_nothing_takes_its_place(name, tmp_path):
    before = History(str(tmp_path), 'adapter')
    begun(Session(AdapterConfig(), SYSTEM, history=before)).conclude(answer(STEP, report(1)))
    before.stop()
    history = History(str(tmp_path), 'adapter')
    node, session, asked = Offered(), Session(AdapterConfig(), SYSTEM, history=history), []
    assert session.next_request(True) == Describe()
    session.conclude(DESCRIBED)
    AdapterServices(node, session, asked.append)
    said = node.services[f'~/{name}'](Trigger.Request(), Trigger.Response())
    assert not said.success and asked == []
    assert said.message == 'the policy from before the restart is being verified anew'
    history.stop()


@pytest.mark.parametrize('refused, word', [(False, 'proposed as version 3'),
                                           (True, 'refused these weights before')])
def test_a_rollback_says_what_became_of_it(refused, word):
    node, session = Offered(), begun(Session(AdapterConfig(rollback_version=1), SYSTEM))
    session.conclude(answer(STEP, report(1)))
    if refused:
        session.acknowledge(acknowledgement(0, refused=1, kind='verification', refusals=1))
        session.conclude(answer(RESTORE, report(0)))
    session.conclude(answer(STEP, report(2)))

    def ask(request):
        told = answer(request, report(request.theta[0]))
        session.conclude(told)
        return told

    AdapterServices(node, session, ask)
    said = node.services['~/rollback'](Trigger.Request(), Trigger.Response())
    assert said.success is not refused and word in said.message
    assert said.message.startswith('version 1: ')
