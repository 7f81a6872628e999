"""The adapter's services: what they refuse, and that what they say is so."""

import numpy as np
import pytest
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig
from scpo_ros.ledger.history import History
from scpo_ros.nodes.adapter_services import AdapterServices
from scpo_ros.process.worker import Answer
from session_samples import acknowledgement, begun, report, SYSTEM
from std_srvs.srv import Trigger


class Offered:
    """A node that only remembers what is offered."""

    def __init__(self):
        self.services = {}

    def create_service(self, _, name, callback):
        self.services[name] = callback


@pytest.mark.parametrize('name', ['rollback', 'reset', 'save_policy', 'load_policy'])
def test_before_the_first_certificate_every_service_refuses_with_its_reason(name):
    """The worker is asked nothing: its answer could not be numbered."""
    node, asked = Offered(), []
    AdapterServices(node, Session(AdapterConfig(), SYSTEM), asked.append, 'sampled')
    answer = node.services[f'~/{name}'](Trigger.Request(), Trigger.Response())
    assert not answer.success and answer.message and asked == []


@pytest.mark.parametrize('name', ['rollback', 'reset', 'load_policy'])
def test_while_the_policy_of_an_earlier_life_is_verified_nothing_takes_its_place(name, tmp_path):
    earlier = begun(Session(AdapterConfig(), SYSTEM, history=History(str(tmp_path), 'adapter')))
    earlier.conclude(Answer('step', [report(1)]))
    earlier.agreement._history.stop()
    history = History(str(tmp_path), 'adapter')
    node, session, asked = Offered(), Session(AdapterConfig(), SYSTEM, history=history), []
    assert session.next_request(True) == ('describe',)
    session.conclude(Answer('describe', ('spec', np.zeros((4, 2)))))
    AdapterServices(node, session, asked.append, 'sampled')
    answer = node.services[f'~/{name}'](Trigger.Request(), Trigger.Response())
    assert not answer.success and asked == []
    assert answer.message == 'the policy of an earlier life is being verified anew'
    history.stop()


@pytest.mark.parametrize('refused, word', [(False, 'proposed as version 3'),
                                           (True, 'refused these weights before')])
def test_a_rollback_says_what_became_of_it(refused, word):
    node, session = Offered(), begun(Session(AdapterConfig(rollback_version=1), SYSTEM))
    session.conclude(Answer('step', [report(1)]))
    if refused:
        session.acknowledge(acknowledgement(0, refused=1, kind='verification', refusals=1))
        session.conclude(Answer('restore', report(0)))
    session.conclude(Answer('step', [report(2)]))

    def ask(method, theta):
        answer = Answer(method, report(theta[0]))
        session.conclude(answer)
        return answer

    AdapterServices(node, session, ask, 'sampled')
    answer = node.services['~/rollback'](Trigger.Request(), Trigger.Response())
    assert answer.success is not refused and word in answer.message
    assert answer.message.startswith('version 1: ')
