"""The services of the adapter: enable, roll back, reset, save, load."""

from pathlib import Path

from rclpy.parameter import Parameter
from scpo_ros.interface.policy_file import load_policy, PolicyFileError, write_policy
from std_srvs.srv import SetBool, Trigger


class AdapterServices:
    """
    Offers ~/set_enabled, ~/rollback, ~/reset, ~/save_policy and ~/load_policy.

    A refusal carries its reason.

    They work while the node is inactive too: what a person asks for is not learning.
    """

    def __init__(self, node, session, ask, kind):
        """
        Create the services.

        :param session: Session. :param ask: (method, *arguments) -> the worker's Answer.
        :param kind: of certificate that the specification asks for.
        """
        self._node, self._session, self._ask, self._kind = node, session, ask, kind
        self.created = [node.create_service(SetBool, '~/set_enabled', self._on_set_enabled)]
        for name, answer in (('rollback', self._rollback), ('reset', self._reset),
                             ('save_policy', self._save), ('load_policy', self._load)):
            self.created.append(node.create_service(Trigger, f'~/{name}', _answering(answer)))

    def _on_set_enabled(self, request, response):
        """Set the parameter `enabled`, which has the same effect."""
        result = self._node.set_parameters([Parameter('enabled', value=request.data)])[0]
        response.success = result.successful
        response.message = result.reason or (
            'learning ' + ('enabled' if request.data else 'frozen'))
        return response

    def _rollback(self):
        why_not = self._unready()
        if why_not:
            return False, why_not
        target = self._session.rollback_target()
        if target is None:
            return False, 'there is no such earlier policy'
        return self._restored(f'version {target.version}', target)

    def _unready(self):
        """Return why nothing can be put in the place of the present policy, or ''."""
        if self._session.reviving:
            return 'the policy of an earlier life is being verified anew'
        return self._session.halted or (
            '' if self._session.version >= 0 else 'nothing was certified yet')

    def _reset(self):
        why_not = self._unready()
        if why_not:
            return False, why_not
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
            write_policy(path, record)
        except OSError as error:
            return False, f'{path}: {error}'
        return True, str(path.resolve())

    def _load(self):
        """Have the policy of the parameter `policy_file` verified anew and propose it."""
        session = self._session
        why_not = self._unready() or (
            '' if session.config.safety else 'safety is off: nothing is certified')
        if why_not:
            return False, why_not
        path = Path(session.config.policy_file)
        if not path.name:
            return False, 'the parameter policy_file must name a file'
        chain = session.chain
        try:
            record = load_policy(path.absolute(), chain.latest.theta.size, chain.spec_digest,
                                 session.config.accept_margin, self._kind)
        except PolicyFileError as error:
            return False, str(error)
        return self._restored(path.absolute(), record)

    def _restored(self, what, record):
        """Have the worker verify earlier weights and go on from them; say what became of them."""
        session = self._session
        before = session.version
        answer = self._ask('restore', record.theta)
        if not answer.ok or not answer.value.changed:
            return False, f'{what}: {answer.failure or answer.value.reason}'
        base = session.chain[session.chain.base]
        if base.digest != record.digest:
            return False, f'{what}: the controller refused these weights before'
        if session.version == before:
            return True, f'{what}: it is version {base.version} already'
        return True, (f'{what}: verified, and proposed as version {base.version}; '
                      'controller/active_policy tells what the controller makes of it')


def _answering(act):
    """Return the callback of a Trigger service that does `act() -> (success, message)`."""
    def callback(_, response):
        response.success, response.message = act()
        return response
    return callback
