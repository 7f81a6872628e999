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

"""The services of the adapter: enable, roll back, reset, save, load."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from rclpy.node import Node
from rclpy.parameter import Parameter
from scpo_ros.adapter.report import AdaptationReport
from scpo_ros.adapter.requests import LearnerAnswer, LearnerRequest, Reset, Restore
from scpo_ros.adapter.session import Session
from scpo_ros.interface.policy_file import load_policy, PolicyFileError, write_policy
from scpo_ros.interface.policy_record import PolicyRecord
from std_srvs.srv import SetBool, Trigger


Outcome: TypeAlias = tuple[bool, str]  # success, message


class AdapterServices:
    """
    Offers ~/set_enabled, ~/rollback, ~/reset, ~/save_policy and ~/load_policy.

    A refusal carries its reason.

    They work while the node is inactive too: what a person asks for is not learning.
    """

    def __init__(self, node: Node, session: Session,
                 ask: Callable[[LearnerRequest], LearnerAnswer]) -> None:
        """Create the services. :param ask: has the worker answer a question now."""
        self._node, self._session, self._ask = node, session, ask
        self.created = [node.create_service(SetBool, '~/set_enabled', self._on_set_enabled)]
        for name, answer in (('rollback', self._rollback), ('reset', self._reset),
                             ('save_policy', self._save), ('load_policy', self._load)):
            self.created.append(node.create_service(
                Trigger, f'~/{name}', self._answering(name, answer)))

    def _answering(self, name: str, act: Callable[[], Outcome]) -> Callable[
            [Trigger.Request, Trigger.Response], Trigger.Response]:
        """Return the callback of a Trigger service that does `act`, and logs what came of it."""
        def callback(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            response.success, response.message = act()
            if response.success:
                self._node.get_logger().info(f'{name}: {response.message}')
            else:
                self._node.get_logger().warn(f'{name} refused: {response.message}')
            return response
        return callback

    def _on_set_enabled(self, request: SetBool.Request,
                        response: SetBool.Response) -> SetBool.Response:
        """Set the parameter `enabled`, which has the same effect."""
        result = self._node.set_parameters([Parameter('enabled', value=request.data)])[0]
        response.success = result.successful
        response.message = result.reason or (
            'learning ' + ('enabled' if request.data else 'frozen'))
        return response

    def _unready(self) -> str:
        """Return why nothing can be put in the place of the present policy, or ''."""
        publication = self._session.publication
        if publication.reviving:
            return 'the policy from before the restart is being verified anew'
        return publication.halted or (
            '' if publication.version >= 0 else 'nothing was certified yet')

    def _rollback(self) -> Outcome:
        why_not = self._unready()
        if why_not:
            return False, why_not
        target = self._session.rollback_target()
        if target is None:
            return False, 'there is no such earlier policy'
        return self._restored(f'version {target.version}', target)

    def _reset(self) -> Outcome:
        why_not = self._unready()
        if why_not:
            return False, why_not
        report, failure = self._report(Reset())
        if report is None or report.certificate is None:
            return False, failure
        return True, f'back to the backup, as version {self._session.publication.version}'

    def _save(self) -> Outcome:
        chain = self._session.publication.chain
        record = None if chain is None else chain.latest
        if record is None:
            return False, 'nothing was certified yet'
        folder = Path(self._session.config.results_dir or '.')
        path = folder / f'policy-{record.version}.npz'
        try:
            write_policy(path, record)
        except OSError as error:
            return False, f'{path}: {error}'
        return True, str(path.resolve())

    def _load(self) -> Outcome:
        """Have the policy of the parameter `policy_file` verified anew and propose it."""
        config, chain = self._session.config, self._session.publication.chain
        why_not = self._unready() or (
            '' if config.safety else 'safety is off: nothing is certified')
        if why_not or chain is None or chain.latest is None:
            return False, why_not
        if chain.latest.certificate is None:
            return False, 'nothing was certified yet'
        path = Path(config.policy_file)
        if not path.name:
            return False, 'the parameter policy_file must name a file'
        try:
            record = load_policy(path.absolute(), chain.latest.theta.size, chain.spec_digest,
                                 config.accept_margin, chain.latest.certificate.kind)
        except PolicyFileError as error:
            return False, str(error)
        return self._restored(str(path.absolute()), record)

    def _report(self, request: LearnerRequest) -> tuple[AdaptationReport | None, str]:
        """Return the one report with which the worker answers now, or why it brings none."""
        answer = self._ask(request)
        if not answer.ok or not isinstance(answer.value, tuple):
            return None, answer.failure
        report, = answer.value
        return report, report.reason

    def _restored(self, name: str, record: PolicyRecord) -> Outcome:
        """Have the worker verify earlier weights and go on from them; tell the outcome."""
        publication = self._session.publication
        before = publication.version
        report, failure = self._report(Restore(record.theta))
        base = publication.base
        if report is None or base is None or not report.changed:
            return False, f'{name}: {failure}'
        if base.digest != record.digest:
            return False, f'{name}: the controller refused these weights before'
        if publication.version == before:
            return True, f'{name}: it is version {base.version} already'
        return True, (f'{name}: verified, and proposed as version {base.version}; '
                      'controller/active_policy tells what the controller makes of it')
