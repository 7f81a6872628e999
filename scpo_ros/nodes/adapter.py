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

"""The adapter node: rollouts and demonstrations in, certified policies out. A lifecycle node."""

import sys
from typing import TypeAlias

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from scpo_ros.backup_certification.demands import demands_of
from scpo_ros.backup_certification.required import require_certified_backup
from scpo_ros.config import AdapterConfig
from scpo_ros.nodes.adapter_configured import ConfiguredAdapter
from scpo_ros.nodes.health import Health, LEVELS, STEADY, WARN
from scpo_ros.nodes.parameters import Changes, declare
from scpo_ros.nodes.run import Events, run
from scpo_ros.process.priority import step_back


Diagnosis: TypeAlias = tuple[bytes, str, dict[str, str | int | bool]]

_ALONE = ('joint_states', 'joint_command', 'controller/active_policy')
_NICENESS = 5  # of the node; its worker has 10 more


class AdapterNode(LifecycleNode):
    """
    Lets a learner learn from what the topics show, and publishes what was certified.

    Deactivated it freezes learning; the controller carries on. What it does while it is
    configured is in :class:`~scpo_ros.nodes.adapter_configured.ConfiguredAdapter`.
    """

    def __init__(self) -> None:
        """
        Declare parameters, have the backup certified; with `autostart` configure and activate.

        :raises ScpoRosError: for a bad configuration, or one whose backup is not certified.
        """
        super().__init__('adapter', automatically_declare_parameters_from_overrides=True)
        self._spec, self._config = declare(self, AdapterConfig)
        require_certified_backup(self._spec, demands_of(adapter=self._config))
        self._lockstep = (
            self._config.lockstep and self.get_parameter('use_sim_time').value)
        self._configured: ConfiguredAdapter | None = None
        self._changes = Changes(self, self._config, self._reconfigure)
        self._health = Health(self, 'adaptation', self._diagnose, _ALONE)
        if not self._config.safety:
            self.get_logger().warn('SAFETY IS OFF: raw steps are published, and nothing is '
                                   'certified, the backup neither. For demonstrations.')
        if self._config.autostart:
            self._starter = self.create_timer(0.0, self._autostart, clock=STEADY)

    def _reconfigure(self, config: AdapterConfig) -> None:
        self._config = config
        if self._configured is not None:
            self._configured.session.reconfigure(config)

    def _autostart(self) -> None:
        self._starter.cancel()
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def on_configure(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Create the topics and start the worker process; what fails halfway is undone."""
        try:
            self._configured = ConfiguredAdapter(self, self._spec, self._config, self._lockstep)
        except Exception as error:  # rclpy makes a bare FAILURE of it
            self.get_logger().error(f'cannot be configured: {error}')
            raise
        self.get_logger().info('configured')
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start learning; version 0 is published once the worker has certified it."""
        self._let_learn(True)
        self.get_logger().info('active: learning begins once the backup is certified')
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Freeze learning."""
        self._let_learn(False)
        self.get_logger().info('inactive: learning is frozen; the controller carries on')
        return super().on_deactivate(state)

    def _let_learn(self, active: bool) -> None:
        if self._configured is not None:
            self._configured.active = active

    def on_cleanup(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Undo :meth:`on_configure`."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Undo :meth:`on_configure` for good."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """End all that was configured."""
        configured, self._configured = self._configured, None
        if configured is not None:
            configured.stop()

    def _diagnose(self) -> Diagnosis:
        if self._configured is None:
            return WARN, 'not configured: call the transition configure, then activate', {}
        severity, message, values = self._configured.diagnose()
        return LEVELS[severity], message, values


def main(args: list[str] | None = None) -> int:
    """Run the adapter, with a lower priority than the controller."""
    step_back(_NICENESS)
    code: int = run(AdapterNode, Events, args=args)
    return code


if __name__ == '__main__':
    sys.exit(main())
