"""
Proof that a policy keeps the safe set, for every state of it and every disturbance.

    LO(x) <= sat(u_backup(x) + r_theta(x)) <= UP(x)   for all x in C

says that A x + B u + w lies in C for all |w| <= wbar: from C the limits then hold for ever, and
policies may be exchanged at any tick. The largest excess over the admissible inputs is bounded
from above over cells that cover C (:mod:`.cell_mesh`): exactly in the backup and in LO and UP
(:mod:`.input_excess`), by an affine enclosure (:mod:`.enclosure`) in the residual. A bound <= 0 is
a proof, in floating point too; what it assumes is the model (A, B, wbar) and that the law which
runs is the one above.

The projection sees the bound through a smooth maximum over each of 16 sectors of C, always over
the same mesh; the verdict takes the plain maximum, made tighter by splitting cells that decide.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.backup.planar.law_pieces import cached_pieces
from scpo_ros.proofs.cell_mesh import CellMesh
from scpo_ros.proofs.enclosure import enclosed
from scpo_ros.proofs.input_excess import binding_excess, critical, InputExcess
from scpo_ros.simulation.rollout import soft_maximum


SECTORS = 16
SHARPNESS = 100.0   # of the smooth maximum, per unit of the input
_TURN = 1e-6         # of the sectors, in units of one
_TOLERANCE = 2e-3    # cells that may raise the maximum by less are not split
_SPLITS = 4          # rounds
_WIDEST = 600        # cells split in one round at most: those of the largest bounds


def sectors(x):
    """
    Return the sector (N,), 0 .. SECTORS - 1, of states (N, 2) in units of their limits.

    The sectors are turned by a little: many cells of a grid have their centre on a diagonal or an
    axis, and rounding must not decide to which sector they belong.
    """
    angle = np.arctan2(x[:, 1], x[:, 0])
    return ((angle / np.pi + 1) / 2 * SECTORS + _TURN).astype(int) % SECTORS


@dataclass(frozen=True)
class ProvedExcess:
    """
    The largest excess of a policy over the admissible inputs of all states of C.

    It is that over the bounds that bind: UP below the saturation, LO above. Beyond, the saturated
    input is admissible whatever it is, but may come nearer to LO or UP than the excess says.
    """

    bound: float       # no state has more
    attained: float    # `state` has this much: how loose the bound may be
    state: np.ndarray  # (n,)
    cells: int         # looked at


class ProvedInvariance:
    """The invariance metric of a ResidualPolicy, bounded over all of C."""

    kind = 'proved'

    def __init__(self, policy, bounds, cells, cache=None):
        """
        Cover the safe set; takes seconds the first time.

        :param policy: ResidualPolicy with an ExplicitLaw as backup. :param bounds: InputBounds.
        :param cells: boxes of the grid along each axis. :param cache: folder, see table_cache.
        :raises InfeasibleError: when the table of the backup has gaps.
        """
        self._policy, self._bounds = policy, bounds
        self._limit, safe_set = policy.system.input_limit[0], policy.backup.mpc.safe_set
        self._pieces = cached_pieces(policy.backup, cache)
        self._tables = self._over(CellMesh.grid(
            self._pieces, safe_set, cells, lambda x: critical(bounds, self._limit, x)))
        sector = sectors(self._tables.mesh.centre / policy.system.state_limit)
        self._sectors = [np.flatnonzero(sector == k) for k in np.unique(sector)]

    def _over(self, mesh):
        return InputExcess.over(mesh, self._bounds, self._limit)

    @property
    def size(self):
        """Return the number of cells of the fixed mesh."""
        return len(self._tables.mesh)

    @property
    def coverage(self):
        """Return what is covered, as a part of a sentence."""
        return (f'proved: every state of the safe set one step ahead, over {self.size} cells, '
                'rounding outward')

    def cell_bounds(self, thetas):
        """Return the bound of every cell of the fixed mesh, (P, N)."""
        return np.vstack([self._bound(self._tables, theta[None])[0] for theta in thetas])

    def design(self, thetas):
        """Return the smooth maximum over every sector, (P, sectors); above the plain one."""
        bound = self.cell_bounds(thetas)
        return np.column_stack([soft_maximum(bound[:, k], SHARPNESS, 1) for k in self._sectors])

    def largest(self, thetas):
        """Return the proved bound of the largest excess, (P,)."""
        return np.array([self.prove(theta).bound for theta in thetas])

    def worst(self, theta):
        """Return (state (n,), excess) where the largest excess of a policy (d,) was found."""
        proved = self.prove(theta)
        return proved.state, proved.attained

    def remember(self, theta):
        """Do nothing: whatever fails here, the projection has seen."""

    def prove(self, theta):
        """
        Return the :class:`ProvedExcess` of a policy, by branch and bound.

        :param theta: (d,). Where it is not finite, or overflows, the bound is NaN.
        """
        theta = np.asarray(theta)[None]
        tables, closed, attained, state, cells = self._tables, -np.inf, -np.inf, np.zeros(2), 0
        for rest in range(_SPLITS, -1, -1):
            bound, enclosure = self._bound(tables, theta)
            bound, cells = bound[0], cells + bound.size
            if not np.all(np.isfinite(bound)):
                return ProvedExcess(np.nan, attained, state, cells)
            order = np.argsort(-bound)
            seen, value = self._probed(tables.vertices(enclosure, order[:8]), theta[0])
            if value > attained:
                attained, state = value, seen
            open_ = order[:_WIDEST][bound[order[:_WIDEST]] > max(attained, closed) + _TOLERANCE]
            if rest == 0 or not len(open_):
                closed = max(closed, float(bound.max()))
                break
            closed = max(closed, float(np.delete(bound, open_).max(initial=-np.inf)))
            tables = self._over(tables.mesh.split(np.sort(open_), self._pieces))
        return ProvedExcess(closed, attained, state, cells)

    def _bound(self, tables, theta):
        enclosure = enclosed(
            self._policy.network, theta, tables.mesh.centre, tables.mesh.half)
        return tables.bound(enclosure), enclosure

    def _probed(self, states, theta):
        """Return which of some states (c, 2) has the largest true excess, and that."""
        gauge = self._policy.backup.mpc.safe_set.gauge(states)[:, None]
        states = states * np.where(gauge > 1, (1 - 1e-12) / gauge, 1.0)
        excess = binding_excess(
            self._bounds, self._limit, states, self._policy(theta, states)[:, 0])
        return states[np.argmax(excess)], float(np.max(excess))
