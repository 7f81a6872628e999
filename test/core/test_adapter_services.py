"""The adapter's services before there is anything to be served."""

import pytest
from scpo_ros.config import AdapterConfig
from scpo_ros.nodes.adapter_services import AdapterServices
from scpo_ros.session import Session
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
    AdapterServices(node, Session(AdapterConfig(), 0.1), asked.append)
    answer = node.services[f'~/{name}'](Trigger.Request(), Trigger.Response())
    assert not answer.success and answer.message and asked == []
