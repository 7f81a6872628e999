"""
The law of an MPC with any number of states: remembered active sets, tested at every query.

An active set gives an affine law that is optimal exactly where its conditions hold (KKT;
:func:`~scpo_ros.backup.planar.critical_regions.conditions`), whichever way it was guessed. The
guesses are the sets of the nearest states solved before; where none holds the solver is asked,
and what it finds is remembered. For two states :mod:`scpo_ros.backup.planar.explicit_law` is the
faster table.
"""

import numpy as np
from scipy.spatial import cKDTree
from scpo_ros.backup.planar.critical_regions import conditions
from scpo_ros.exceptions import InfeasibleError, SolverError

GUESSES = 4  # active sets tried for a state
_ACTIVE = 1e-9  # multipliers above this mark a constraint active
_INSIDE = 1e-12  # distance beyond a condition that still counts as satisfied
_AT_ONCE = 256  # states whose conditions are tested at once; bounds memory


class ActiveSetLaw:
    """
    `law(x)` maps states (..., n) to inputs (..., 1); NaN where the MPC has no solution.

    `law.fallbacks` counts the states that went to the solver.
    """

    def __init__(self, mpc, states=(), most=4096):
        """
        Solve some states, best those that closed loops visit, and remember their active sets.

        :param mpc: a :class:`BackupMpc`. :param states: (N, n). :param most: sets remembered.
        """
        self.mpc, self.fallbacks, self._most = mpc, 0, most
        self._numbers, self._laws, self._rows = {}, [], []
        self._states, self._sets, self._tree = [], [], None
        self._stack = self._slopes = None
        for x in states:
            self._solved(np.asarray(x, dtype=np.float64))

    def __len__(self):
        """Return the number of active sets remembered."""
        return len(self._laws)

    def __call__(self, x):
        """Return the inputs (..., 1) at the states x (..., n)."""
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1, x.shape[-1])
        u = np.full(len(flat), np.nan)
        finite = np.flatnonzero(np.all(np.isfinite(flat), axis=1))
        for start in range(0, len(finite), _AT_ONCE):
            part = finite[start:start + _AT_ONCE]
            u[part] = self._remembered(flat[part])
            for i in part[np.isnan(u[part])]:
                self.fallbacks += 1
                u[i] = self._solved(flat[i])
        return u.reshape(x.shape[:-1] + (1,))

    def _remembered(self, x):
        """Return the inputs (N,) by the first guessed set whose conditions hold, else NaN."""
        u = np.full(len(x), np.nan)
        if not self._laws:
            return u
        self._refresh()
        count = min(GUESSES, len(self._states))
        guesses = np.array(self._sets)[self._tree.query(x, count)[1].reshape(len(x), count)]
        points = np.column_stack([x, np.ones(len(x))])
        left = np.arange(len(x))
        for slot in range(count):
            sets = guesses[left, slot]
            excess = np.matmul(self._stack[sets], points[left, :, None])[..., 0].max(axis=1)
            hit = excess <= _INSIDE  # NaN is not
            u[left[hit]] = np.sum(self._slopes[sets[hit]] * points[left[hit]], axis=1)
            left = left[~hit]
        return u

    def _solved(self, x):
        """Return the solver's input at a state, NaN without a solution; remember its set."""
        try:
            z, multipliers = self.mpc.solve_with_multipliers(x)
        except (InfeasibleError, SolverError):
            return np.nan
        active = tuple(np.flatnonzero(multipliers > _ACTIVE))
        number = self._numbers.get(active)
        if number is None and len(self._laws) < self._most:
            found = conditions(self.mpc.qp, list(active))
            if found is not None:
                number = self._numbers[active] = len(self._laws)
                self._laws.append(found[0])
                self._rows.append(found[1])
        if number is not None and len(self._states) < 8 * self._most:
            self._states.append(x)
            self._sets.append(number)
        return z[0]

    def _refresh(self):
        """Bring the arrays of queries up to date when a tenth has been added."""
        if self._tree is not None and len(self._states) < 1.1 * self._tree.n:
            return
        most, width = max(len(rows) for rows in self._rows), len(self._laws[0])
        self._stack = np.zeros((len(self._rows), most, width))
        self._stack[:, :, -1] = -1.0  # 0'x <= 1
        for stacked, rows in zip(self._stack, self._rows):
            stacked[:len(rows)] = rows
        self._slopes, self._tree = np.array(self._laws), cKDTree(np.array(self._states))
