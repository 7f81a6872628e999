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
The residual of a described system, and the kind of certificate that goes with it.

* `proved`: these weights keep the safe set for every state and disturbance, and the filter never
  acts. For systems whose decoupled parts all have two states and one input; the residual of a part
  sees that part alone.
* `guarded`: every theta keeps the safe set with the safety filter in the loop.
* `bounded`: every theta keeps it, and the filter never acts: the residual is bounded by what each
  state allows (:mod:`scpo_ros.policy.residual_bound`).

`auto` is `proved` where the backup itself is proved with some room, else `guarded`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scpo_ros.backup.lifted_mpc import LiftedMpc
from scpo_ros.config.system_spec import SystemSpec
from scpo_ros.config.table_cache import Cache
from scpo_ros.exceptions import ConfigurationError, InfeasibleError
from scpo_ros.policy.block_network import BlockNetwork
from scpo_ros.policy.filtered_policy import Residual
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.proofs.block_invariance import BlockInvariance
from scpo_ros.systems.system import System

_ROOM = 0.05  # of the input limit: what the proof of the backup must leave to a residual


@dataclass(frozen=True)
class ResidualKind:
    """The network, the proof that goes with it, and why there is none."""

    network: Residual
    kind: str  # of certificate
    proof: BlockInvariance | None = None
    why_not: str = ''  # proved, where that was looked for


def residual_kind(system: System, spec: SystemSpec, backups: Sequence[LiftedMpc],
                  cache: Cache = None) -> ResidualKind:
    """
    Return the residual that a specification asks for.

    :param backups: of the decoupled parts. :param cache: folder of tables, None for the default.
    :raises ConfigurationError: when a proof is asked for and there is none.
    """
    asked, hidden, why_not = spec.metrics.certificate, spec.policy.hidden, ''
    if asked in ('auto', 'proved'):
        try:
            return _proved(backups, hidden, spec.policy.seed, cache)
        except (ConfigurationError, InfeasibleError) as error:
            why_not = str(error)
            if asked == 'proved':
                raise ConfigurationError('certificate', asked, f'must be guarded or bounded for '
                                         f'{system.name}: {why_not}') from error
    network = ResidualNetwork((system.n, *hidden), system.state_scale, system.m)
    return ResidualKind(network, 'bounded' if asked == 'bounded' else 'guarded', why_not=why_not)


def _proved(backups: Sequence[LiftedMpc], hidden: tuple[int, ...], seed: int,
            cache: Cache) -> ResidualKind:
    """
    Return the residual of each part for itself, with its proof.

    :raises ConfigurationError: where a part is not planar, or its backup leaves no room.
    :raises InfeasibleError: when the regions of a backup leave gaps.
    """
    network = BlockNetwork.of([backup.block for backup in backups], hidden)
    proof = BlockInvariance(network, tuple(backups), cache)
    bound = float(proof.largest(network.initial(seed)[None])[0])
    if not bound <= -_ROOM:
        raise ConfigurationError('backup', bound, f'must be proved with a room of {_ROOM:g}')
    return ResidualKind(network, 'proved', proof)
