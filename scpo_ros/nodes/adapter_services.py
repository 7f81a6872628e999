"""The services of the adapter: enable, roll back, reset, save."""

from pathlib import Path

import numpy as np
from rclpy.parameter import Parameter
from scpo_ros.nodes.conversions import policy_values
from std_srvs.srv import SetBool, Trigger


class AdapterServices:
    """
    Offers ~/set_enabled, ~/rollback, ~/reset and ~/save_policy; a refusal carries its reason.

    They work while the node is inactive too: what a person asks for is not learning.
    """

    def __init__(self, node, session, ask):
        """
        Create the services.

        :param session: Session. :param ask: (method, *arguments) -> the worker's Answer.
        """
        self._node, self._session, self._ask = node, session, ask
        self.created = [node.create_service(SetBool, '~/set_enabled', self._on_set_enabled)]
        for name, answer in (('rollback', self._rollback), ('reset', self._reset),
                             ('save_policy', self._save)):
            self.created.append(node.create_service(Trigger, f'~/{name}', _answering(answer)))

    def _on_set_enabled(self, request, response):
        """Set the parameter `enabled`, which has the same effect."""
        result = self._node.set_parameters([Parameter('enabled', value=request.data)])[0]
        response.success = result.successful
        response.message = result.reason or (
            'learning ' + ('enabled' if request.data else 'frozen'))
        return response

    def _rollback(self):
        target = self._session.rollback_target()
        if target is None:
            return False, self._session.halted or 'there is no such earlier policy'
        answer = self._ask('restore', target.theta)
        if answer.ok and answer.value.changed:
            return True, (f'version {target.version} runs again as version '
                          f'{self._session.version}')
        return False, answer.failure or answer.value.reason

    def _reset(self):
        if self._session.halted:
            return False, self._session.halted
        answer = self._ask('reset')
        if answer.ok and answer.value.certificate is not None:
            return True, f'back to the backup, as version {self._session.version}'
        return False, answer.failure or answer.value.reason

    def _save(self):
        record = self._session.chain.latest if self._session.chain is not None else None
        if record is None:
            return False, 'nothing was certified yet'
        folder = Path(self._node.get_parameter('results_dir').value or '.')
        path = folder / f'policy-{record.version}.npz'
        try:
            np.savez(path, **policy_values(record))
        except OSError as error:
            return False, f'{path}: {error}'
        return True, str(path.resolve())


def _answering(act):
    """Return the callback of a Trigger service that does `act() -> (success, message)`."""
    def callback(_, response):
        response.success, response.message = act()
        return response
    return callback
