"""
The adapter's side of an agreement with the controller: what was published, what became of it.

The controller decides; after each refusal, revocation or restart the adapter goes on from what the
robot runs. What the controller refused by its own verification is never proposed again, and the
rollout with which it did so joins the adapter's own.
"""

from concurrent.futures import TimeoutError as WaitedTooLong

from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.arrays import digest
from scpo_ros.config.specification import difference
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.ledger.ledger import LedgerError


_DISK_S = 2.0  # longest wait for the ledger before a policy is published


class Agreement:
    """Publishes, hears what became of it, and says what the worker must be told."""

    def __init__(self, history=None):
        """
        Begin without a chain, which needs the digest of the specification.

        :param history: History, or None.
        """
        self.chain, self.halted = None, ''  # why the controller takes nothing at present
        self._history, self._acknowledged, self._handled = history, None, 0
        self.reviving = False  # whether the policy of an earlier life is being verified anew
        self._vetoed = set()  # digests of what the controller refused by its own verification

    def begin(self, spec_digest):
        """
        Make the chain, once, and return what the worker must be asked next, or nothing.

        Policies of the ledger that were certified for another specification are left out.
        """
        if self.chain is None:
            known = [] if self._history is None else self._history.accepted.values()
            self.chain = PolicyChain(spec_digest, records=known)
            others = [record for record in known if record.spec_digest != spec_digest]
            if others:
                self.note_refusal('LEDGER', f'{len(others)} policies of the ledger are left out: '
                                  f'{difference(others[-1].spec_digest, spec_digest)}')
            self.reviving = self.chain.latest is not None
        return [('restore', self.chain.latest.theta)] if self.reviving else []

    def revived(self, report):
        """
        Conclude the restoration of an earlier life's last policy, if one is under way.

        :returns: None where none is, else (records to publish, what the worker must be asked).
        """
        if not self.reviving:
            return None
        self.reviving = False
        return ([self.chain.latest], []) if report.changed else ([], [('begin',)])

    def publish(self, report):
        """
        Take in a report of the worker's.

        :returns: records to publish, and what the worker must be asked.
        """
        identity, latest = digest(report.theta), self.chain.latest
        if not report.changed or (
                latest is not None and identity == self.chain[self.chain.base].digest):
            return [], []
        if self.halted:
            return [], []  # when the halt is lifted the worker goes on from what runs
        if self._overtaken(report.certificate, identity):
            return [], []  # the worker is told already to go on from what runs
        if identity in self._vetoed:
            return [], [('restore', self.chain[self.chain.base].theta)]
        record = self.chain.append(report.theta, report.certificate)
        self._keep(record)
        return [record], []

    def _overtaken(self, certificate, identity):
        """Return whether a step was made from a policy that was refused meanwhile."""
        if self.chain.latest is None or certificate is None:
            return False
        parent, base = certificate.parent_digest, self.chain[self.chain.base].digest
        return parent not in (base, identity) and self.chain.holds(parent)

    def _keep(self, record):
        written = None if self._history is None else self._history.accept(record)
        try:
            if written is not None:
                written.result(_DISK_S)
        except (LedgerError, WaitedTooLong):
            pass  # diagnostics show it; the controller keeps what it accepts

    def note_refusal(self, outcome, reason):
        """Have the ledger keep a refusal of the adapter's own."""
        if self._history is not None:
            self._history.note('refused', version=-1, why=outcome, reason=reason[:1000])

    @property
    def in_step(self):
        """Return whether the controller has let through or refused all that was published."""
        latest = self.chain.latest if self.chain is not None else None
        seen = self._acknowledged
        return latest is None or (
            seen is not None and max(seen.ready, seen.refused) >= latest.version)

    def acknowledge(self, seen):
        """
        Take in an :class:`~scpo_ros.interface.acknowledgement.Acknowledgement`.

        :returns: (what the worker must be asked, what happened in words or '').
        """
        self._acknowledged = seen
        if not seen.model_valid:
            self.halted = f'the controller revoked certificates: {seen.model_reason}'
            return [], self.halted
        if self.chain is None or self.chain.latest is None:
            self.halted = ''
            return [], ''
        if self.halted:
            return self._resume(seen), ''
        if seen.refusals < self._handled:
            self._handled = 0  # the controller was started again, and counts anew
        if seen.refusals <= self._handled or seen.refused != self.chain.latest.version:
            return [], ''
        out_of_line = seen.refused_kind == RefusalKind.LINEAGE
        requests = self._rebase(seen) if out_of_line else self._step_back(seen)
        if requests:
            self._handled = seen.refusals
        return requests, f'the controller refused policy {seen.refused}: {seen.refused_reason}'

    def _ours(self, seen):
        """Return whether what was let through last is in the chain."""
        return seen.ready in self.chain and (
            seen.ready != seen.version or self.chain[seen.ready].digest == seen.digest)

    def _known(self, seen):
        """Return whether what was let through last is in the chain, perhaps from now on."""
        if self._ours(seen):
            return True
        if seen.ready == seen.version:
            self.chain.adopt(seen.version, seen.theta, seen.digest)
        return seen.ready == seen.version  # else its weights will be told when they run

    def _resume(self, seen):
        """Go on from what the robot runs after a revocation."""
        if not self._known(seen):
            return []
        self.halted, self._handled, self.chain.base = '', seen.refusals, seen.ready
        return [('resume', self.chain[seen.ready].theta)]

    def _step_back(self, seen):
        """Go on from what runs, with what the controller found against the refused policy."""
        if seen.ready not in self.chain:
            return []
        requests = [('restore', self.chain[seen.ready].theta)]
        if seen.refused_kind == RefusalKind.VERIFICATION:
            self._vetoed.add(self.chain.latest.digest)
            requests.insert(0, ('avoid', seen.refused_x0, seen.refused_w))
        self.chain.base = seen.ready
        return requests

    def _rebase(self, seen):
        """
        Publish what the worker holds as a child of what the robot runs, or start from that.

        The controller may be far ahead (its version is adopted) or far behind (it has lost its
        ledger): the next version comes after the newest that it knows, and not further above than
        it takes.
        """
        ours = self._ours(seen)
        if not self._known(seen):
            return []
        self.chain.go_on_from(seen.ready)
        return [('begin',)] if ours else [('restore', self.chain[seen.ready].theta)]

    def rollback_target(self, version):
        """
        Return the record to go back to, or None.

        :param version: -1 for the parent of the present one; else any, which the ledger may have
            to be read for.
        """
        if self.halted or self.chain is None or self.chain.latest is None:
            return None
        if version < 0:
            return self.chain.before(self.chain.base)
        if version in self.chain:
            return self.chain[version]
        return None if self._history is None else self._history.find(version)
