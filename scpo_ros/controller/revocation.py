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

"""
Revocation of the certificates: whether it stands, why, and when it may end. No ROS.

The gate, the control loop and the diagnosis ask the one object of this module. It says whether the
plant may be driven by certified policies; :mod:`scpo_ros.controller.model_monitor` says how the
plant behaves. The rules carry on those of that module:

6. While a revocation stands nothing new is certified. It may end after a *calm*: so many periods
   of judged transitions in a row without a fault.
7. Each further revocation doubles the number of periods, up to LONGEST; after FORGIVEN calm
   periods without a revocation it is one again.
8. A policy comes back only when it has been verified anew after the calm.
"""

from scpo_ros.interface.policy_record import PolicyRecord


LONGEST = 16  # calm periods before the end of a revocation, at most
FORGIVEN = 10  # calm periods after which earlier revocations no longer count


class Revocation:
    """The state of trust in the model: the only place that knows whether certificates count."""

    def __init__(self) -> None:
        """Begin without a revocation."""
        self.reason = ''  # of the revocation that stands; '' while none does
        self.count = 0  # revocations of this process
        self.periods = 1  # calm periods after which it may end
        self.suspended: PolicyRecord | None = None  # what is verified anew before it ends
        self._unsettled = False  # it ended after the newest state was judged

    @property
    def stands(self) -> bool:
        """Return whether the certificates are revoked at present."""
        return bool(self.reason)

    def resume(self, reason: str, suspended: PolicyRecord | None) -> None:
        """
        Go on with a revocation of the process before, which does not count as one of this one.

        :param suspended: the policy that is verified anew before it ends, None for none.
        """
        self.reason, self.suspended = reason, suspended

    def revoke(self, reason: str, suspended: PolicyRecord | None = None) -> None:
        """
        Revoke the certificates, also where they are revoked already.

        :param suspended: policy that ran or was about to; None leaves what is suspended.
        """
        if self.count:
            self.periods = min(LONGEST, 2 * self.periods)
        self.count += 1
        self.reason, self._unsettled = reason or 'revoked', False
        if suspended is not None:
            self.suspended = suspended

    def explain(self, reason: str) -> None:
        """Replace the reason by one that says more; an empty one ends nothing."""
        self.reason = reason or self.reason

    def end(self) -> None:
        """End the revocation: what was suspended has been verified anew, or was refused."""
        self._unsettled = self.stands
        self.reason, self.suspended = '', None

    def settle(self) -> bool:
        """Return, once after each end, that the monitor must forget what it saw before."""
        settled, self._unsettled = self._unsettled, False
        return settled

    def forgive(self, calm_periods: int) -> None:
        """Take note of the calm periods that have passed without a revocation, rule 7."""
        if not self.stands and not self._unsettled and calm_periods >= FORGIVEN:
            self.periods = 1
