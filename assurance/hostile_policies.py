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
Hostile `policy` messages: from a good record, what an attacker on the network would make of it.

Each attack is a function (rng, case) -> values of a ParameterEvent, where the case holds a good
record that the controller would take next, one that it has taken, weights that are dangerous, and
a verifier to spy on.
"""

from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import digest
from scpo_ros.interface.policy_codec import policy_values
from scpo_ros.interface.policy_record import LARGEST_JUMP, LARGEST_VERSION, PolicyRecord
from scpo_ros.interface.size_limits import LONGEST_NAME, MOST_VALUES, SizeLimits


FORGED = 'every state of every robot, for ever'  # a coverage that only a sender would claim


@dataclass(frozen=True)
class Case:
    """What the attacker knows."""

    good: object  # PolicyRecord that would be taken next
    old: object  # PolicyRecord that runs
    task: object  # ControlTask
    verifier: object  # Verifier of the kind that the controller has


def signed(case, theta, **changes):
    """Return the record of any weights with every digest and number in order."""
    theta = np.asarray(theta, dtype=np.float64)
    certificate = replace(case.good.certificate, theta_digest=digest(theta))
    return replace(PolicyRecord(
        theta, case.good.version, case.good.parent, digest(theta), case.good.parent_digest,
        case.good.spec_digest, certificate), **changes)


def _altered(case, **changes):
    values = policy_values(case.good)
    values.update({name.replace('__', '.'): item for name, item in changes.items()})
    return {name: item for name, item in values.items() if item is not None}


def _with_certificate(case, **changes):
    return policy_values(replace(case.good, certificate=replace(case.good.certificate,
                                                                **changes)))


def bit_flip(rng, case):
    """Flip one bit of the weights on the wire."""
    data = bytearray(case.good.theta.tobytes())
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return _altered(case, policy__theta=np.frombuffer(bytes(data)))


def bit_flip_signed(rng, case):
    """Flip one bit and put every digest in order."""
    data = bytearray(case.good.theta.tobytes())
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return policy_values(signed(case, np.frombuffer(bytes(data))))


def not_finite(rng, case):
    """Put a NaN or an infinity into the weights, with its digest."""
    theta = np.array(case.good.theta)
    theta[rng.integers(theta.size)] = rng.choice([np.nan, np.inf, -np.inf])
    return policy_values(signed(case, theta))


def overflow(rng, case):
    """Use weights whose forward pass overflows."""
    theta = np.array(case.good.theta)
    theta[rng.integers(theta.size, size=8)] = rng.choice([1e308, -1e308, 1e200])
    return policy_values(signed(case, theta))


def wrong_size(rng, case):
    """Send too few, too many or no weights."""
    size = int(rng.choice([0, 1, case.good.theta.size - 1, case.good.theta.size + 1, 100000]))
    return policy_values(signed(case, np.resize(case.good.theta, size)))


def wrong_parent(rng, case):
    """Descend from what the controller never had, or from another digest."""
    if rng.integers(2):
        return _altered(case, policy__parent=int(rng.integers(10**6)) + 1000,
                        policy__version=10**7)
    return _altered(case, policy__parent_digest=digest(rng.normal(size=3)))


def wrong_version(rng, case):
    """Use a version that is old, negative, or as large as an integer can be."""
    version = int(rng.choice([-1, 0, -2**63, case.old.version, 2**63 - 1]))
    return policy_values(signed(case, case.good.theta * 1.5, version=version))


def far_version(rng, case):
    """Send good weights under a version far above the newest: what ends a range of numbers."""
    newest = case.good.version - 1
    return policy_values(replace(case.good, version=int(rng.choice([
        newest + LARGEST_JUMP, newest + LARGEST_JUMP + 1, LARGEST_VERSION, LARGEST_VERSION + 1,
        2**62, 2**63 - 1]))))


def thin_margin(rng, case):
    """Bisect, with the proof at hand, to weights that are proved with hardly any margin."""
    direction, low, high = np.zeros(case.good.theta.size), 0.0, 4.0
    direction[-16:] = rng.normal(size=16)
    bound, start = -10 ** rng.uniform(-7, -2), case.task.initial_theta
    for _ in range(30):
        middle = (low + high) / 2
        proved = case.task.invariance_proof.prove(start + middle * direction).bound <= bound
        low, high = (middle, high) if proved else (low, middle)
    return policy_values(signed(case, start + low * direction))


def forged_claim(rng, case):
    """Claim another kind of certificate, a coverage that nobody looked at, or any size of it."""
    other = {'kind': 'sampled', 'coverage': FORGED, 'verification_size': 10**9}
    name = str(rng.choice(sorted(other)))
    return _with_certificate(case, **{name: other[name]})


def replayed(rng, case):
    """Send the policy before last again, as it was or under a new number."""
    values = policy_values(case.old)
    if rng.integers(2):
        values['policy.version'] = case.good.version
    return values


def wrong_specification(rng, case):
    """Bring a certificate for another robot."""
    other = rng.choice(['', '0' * 64, digest(rng.normal()), 'x'])
    return _altered(case, policy__spec_digest=other)


def no_certificate(rng, case):
    """Leave out the certificate, or a part of it."""
    values = policy_values(case.good)
    names = [name for name in values if name.startswith('certificate.')]
    gone = names if rng.integers(2) else [rng.choice(names)]
    return {name: item for name, item in values.items() if name not in gone}


def bad_certificate_number(rng, case):
    """Put a number into the certificate that proves nothing."""
    name = rng.choice(['margin', 'violation', 'duality_gap', 'verification_max'])
    return _with_certificate(case, **{name: float(rng.choice(
        [np.nan, np.inf, -np.inf, -1.0, 1.0, 1e308, -1e-3]))})


def bad_certificate_vector(rng, case):
    """Put a vector into the certificate that proves nothing."""
    name = rng.choice(['g', 'bound', 'smoothness'])
    vector = np.array(getattr(case.good.certificate, name))
    kind = rng.integers(5)
    if kind == 0:
        vector = vector[:0]
    elif kind == 1:
        vector = vector[:-1]
    elif kind == 2:
        vector[rng.integers(vector.size)] = rng.choice([np.nan, np.inf])
    elif kind == 3:
        vector = -np.abs(vector) - 1 if name != 'g' else vector + 1
    else:
        vector = np.zeros(200000)
    return _with_certificate(case, **{name: vector})


def bad_certificate_identity(rng, case):
    """Bring the certificate of other weights, another parent or another kind."""
    name = rng.choice(['theta_digest', 'parent_digest', 'kind'])
    other = rng.choice(['', 'f' * 64, 'promised', '\u0001\u2603'])
    return _with_certificate(case, **{name: other})


def certificate_of_another(rng, case):
    """Put the genuine certificate of one policy to the weights of another."""
    return policy_values(replace(signed(case, dangerous_weights(rng, case)),
                                 certificate=case.good.certificate))


def mistyped(rng, case):
    """Give a value of another type, or leave it out."""
    values = policy_values(case.good)
    name = rng.choice(sorted(values))
    values[name] = [1.0, 'text', 7, np.zeros(3)][rng.integers(4)]
    if rng.integers(3) == 0:
        del values[name]
    return values


def enormous_text(rng, case):
    """Send a text of a megabyte where a digest or a reason is expected."""
    name = rng.choice(['policy.digest', 'policy.spec_digest', 'certificate.kind',
                       'certificate.coverage'])
    return {**policy_values(case.good), name: chr(int(rng.integers(32, 1000))) * 10**6}


def oversized(rng, case):
    """Send an array, a text, a name or a number of values beyond what the stack has."""
    values, limits = policy_values(case.good), SizeLimits.of(case.task.spec)
    size = int(rng.choice([1, 1000, 400_000]))
    kind = rng.integers(4)
    if kind == 0:
        name = str(rng.choice(['certificate.g', 'certificate.bound', 'certificate.smoothness',
                               'policy.theta', 'nobody.knows']))
        return {**values, name: np.full(limits.entries_of(name) + size, -0.1)}
    if kind == 1:
        long = np.full(limits.metrics + size, -0.1)  # all three, and nothing wrong but the size
        return _with_certificate(case, g=long, bound=long, smoothness=long + 1)
    if kind == 2:
        return {**values, 'x' * (LONGEST_NAME + size): 'x'}
    return {**values, **{f'x{number}': 0 for number in range(MOST_VALUES)}}


def dangerous_weights(rng, case):
    """Return weights that do harm: large outputs, biases, sign flips, random networks."""
    theta, kind = np.array(case.good.theta), rng.integers(5)
    output = slice(theta.size - 16, theta.size)
    if kind == 0:
        theta[output] = rng.choice([-1, 1], 16) * rng.uniform(0.3, 3)
    elif kind == 1:
        theta = rng.normal(size=theta.size) * rng.uniform(0.5, 3)
    elif kind == 2:
        theta[output] = -3 * theta[output] - rng.uniform(0.2, 1)
    elif kind == 3:
        theta *= rng.choice([-20.0, 20.0, 1e6])
    else:
        theta[output] += rng.normal(size=16) * 2
    return theta


def dangerous_signed(rng, case):
    """Send dangerous weights with every digest and number in order."""
    return policy_values(signed(case, dangerous_weights(rng, case)))


def at_the_boundary(rng, case):
    """Bisect, with a verifier of one's own, to weights that only just pass, then go a bit on."""
    bad = dangerous_weights(rng, case)
    low, high = 0.0, 1.0
    for _ in range(7):
        middle = (low + high) / 2
        theta = case.good.theta + middle * (bad - case.good.theta)
        passes = case.verifier.judge(theta).safe
        low, high = (middle, high) if passes else (low, middle)
    share = low if rng.integers(2) else high
    return policy_values(signed(case, case.good.theta + share * (bad - case.good.theta)))


def blind_spot(rng, case):
    """
    Hide a narrow ridge between the states of a verification.

    Two steep units of the first layer, equal but for their bias, differ only in a strip around a
    line through the edge of the safe set; one unit of the second layer sees their difference.
    """
    first, second = case.task.policy.network.widths[1:3]
    theta, set_ = np.array(case.good.theta), case.task.safe_set
    corner = set_.vertices[rng.integers(len(set_.vertices))] * (1 - 10 ** rng.uniform(-6, -2))
    angle, slope = rng.uniform(0, 2 * np.pi), 10 ** rng.uniform(1, 6)
    normal = slope * np.array([np.cos(angle), np.sin(angle)])
    bias, weights = 2 * first, theta[:2 * first].reshape(2, first)
    weights[:, 0] = weights[:, 1] = normal
    offset = normal @ (corner / case.task.system.state_limit)
    theta[bias], theta[bias + 1] = 2.0 - offset, -2.0 - offset
    start = bias + first
    square = theta[start:start + first * second].reshape(first, second)
    square[:, 0] = 0.0
    square[0, 0], square[1, 0] = 1.5, -1.5
    theta[start + first * second] = 0.0
    theta[-second] = rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 2.0)
    return policy_values(signed(case, theta))


ATTACKS = (bit_flip, bit_flip_signed, not_finite, overflow, wrong_size, wrong_parent,
           wrong_version, far_version, replayed, wrong_specification, no_certificate,
           bad_certificate_number, bad_certificate_vector, bad_certificate_identity,
           certificate_of_another, forged_claim, mistyped, enormous_text, oversized,
           thin_margin, dangerous_signed, at_the_boundary, blind_spot)
SLOW = (at_the_boundary, enormous_text, thin_margin)  # tried more rarely
