"""A published policy: weights, identity and certificate in one record, and its defects."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import digest, frozen
from scpo_ros.scpo import Certificate, certificate_defects
from scpo_ros.specification import difference


_LONGEST_TEXT = 4096


@dataclass(frozen=True, eq=False)
class PolicyRecord:
    """Version 0 is the backup and its own parent."""

    theta: np.ndarray  # (d,)
    version: int  # grows by one with every published policy
    parent: int  # version of the policy from which the step was made
    digest: str  # of theta
    parent_digest: str  # of the parent's weights
    spec_digest: str  # of what the certificate rests on
    certificate: Certificate

    def __post_init__(self):
        """Freeze the weights."""
        object.__setattr__(self, 'theta', frozen(self.theta))

    @property
    def claim(self):
        """Return what its certificate covers, as a sentence."""
        return 'the backup' if self.certificate is None else self.certificate.coverage


def backup_record(theta, spec_digest, certificate=None):
    """Return the record of version 0, the backup."""
    identity = digest(theta)
    return PolicyRecord(theta, 0, 0, identity, identity, spec_digest, certificate)


def identity_defects(record, size, spec_digest):
    """
    Return the sentences that say why a record is malformed, none if it is not.

    :param size: d, the number of weights. :param spec_digest: of the reader's own specification.
    """
    if record.theta.shape != (size,):
        return (f'theta has the shape {record.theta.shape}, not ({size},)',)
    finite = np.isfinite(record.theta)
    if not np.all(finite):
        bad = int(np.argmin(finite))
        return (f'theta[{bad}] = {record.theta[bad]} is not finite',)
    rules = (
        (_longest_text(record) <= _LONGEST_TEXT,
         f'a text in it is longer than {_LONGEST_TEXT} characters'),
        (digest(record.theta) == record.digest, 'the digest is not that of theta'),
        (record.spec_digest == spec_digest, difference(record.spec_digest, spec_digest)),
        (record.version > record.parent >= 0 or record.version == record.parent == 0,
         f'version {record.version} does not follow its parent {record.parent}'))
    return tuple(sentence for holds, sentence in rules if not holds)


def _longest_text(record):
    certificate = record.certificate
    texts = [record.digest, record.parent_digest, record.spec_digest]
    if certificate is not None:
        texts += [certificate.kind, certificate.coverage, certificate.theta_digest,
                  certificate.parent_digest]
    return max(map(len, texts))


def lineage_defects(record, known):
    """
    Return the sentences that say why a record does not follow what the reader knows.

    :param known: {version: digest} of the policies that the reader verified itself.
    """
    newest = max(known)
    if not record.version > newest:
        return (f'version {record.version} is not newer than {newest}',)
    if record.parent not in known:
        return (f'its parent, version {record.parent}, is unknown',)
    if known[record.parent] != record.parent_digest:
        return (f'the parent digest is not that of version {record.parent}',)
    return ()


def record_defects(record, size, spec_digest, known, margin, gap_tolerance=1e-9):
    """
    Return why a policy message must be refused before its weights are even tried, or nothing.

    :param margin: the least margin its certificate must claim.
    """
    return (identity_defects(record, size, spec_digest) or lineage_defects(record, known)
            or evidence_defects(record, margin, gap_tolerance))


def evidence_defects(record, margin, gap_tolerance=1e-9):
    """
    Return what contradicts a record's certificate, by arithmetic alone, or nothing.

    :param margin: the least margin that it must claim.
    """
    if record.certificate is None:
        return ('it carries no certificate',)
    if record.certificate.parent_digest not in (record.parent_digest, record.digest):
        return ('the certificate was made for another parent',)  # or verified on its own
    return certificate_defects(record.certificate, record.theta, margin, gap_tolerance)
