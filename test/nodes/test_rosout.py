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

"""The logs of the nodes tell a story on /rosout, with the reasons of diagnostics."""

from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Log, ParameterEvent
from scpo_ros.nodes import adapter
from scpo_ros.nodes.conversions import event_message, LATCHED, LATCHED_QUEUE


def test_start_activation_and_refusal_are_logged(processes, probe):
    probe.watch(Log, '/rosout', LATCHED_QUEUE)
    policies = probe.create_publisher(ParameterEvent, 'policy', LATCHED)
    for node in ('controller', 'adapter'):
        processes.start(node)

    def said(name, start):
        return any(log.name.endswith(name) and log.msg.startswith(start)
                   for log in probe.seen['/rosout'])

    probe.wait(lambda: said('controller', 'the backup (version 0) runs'))
    probe.wait(lambda: said('adapter', 'configured') and said('adapter', 'active: learning'))
    policies.publish(event_message(Time(), 'nobody', {'policy.version': 'seven'}))
    probe.wait(lambda: said('controller', 'policy -1 refused: '))


def test_why_it_cannot_be_configured_is_logged(made, monkeypatch, capfd):
    def fail(*_):
        raise OSError('no disk')

    node = made(adapter.AdapterNode, autostart=False)
    monkeypatch.setattr(adapter, 'ConfiguredAdapter', fail)
    assert node.trigger_configure() != adapter.TransitionCallbackReturn.SUCCESS
    assert 'cannot be configured: no disk' in capfd.readouterr().err
