"""
The learned policy: a neural residual on top of the backup, saturated.

    pi_theta(x) = sat(u_backup(x) + r_theta(x)),    r_theta(x) = N_theta(x) - N_theta(0)

with N_theta a tanh network with a linear last layer, fed with x / state_limit. The residual
vanishes at the origin for every theta, so the equilibrium stays, and everywhere for the initial
theta, whose last layer is zero. Theta is one flat vector: for each layer the weights (inputs x
outputs, row by row), then the biases. The last layer has no bias: it would cancel.
"""

from dataclasses import dataclass, field

import numpy as np

from scpo_ros.arrays import frozen


@dataclass(frozen=True)
class ResidualNetwork:
    """The network r_theta for scalar output; many weight vectors at once."""

    widths: tuple  # inputs, hidden layers; the output is scalar
    scale: np.ndarray  # (n,), inputs are divided by it
    d: int = field(init=False)  # number of weights

    def __post_init__(self):
        """Count the weights."""
        object.__setattr__(self, 'scale', frozen(self.scale))
        hidden = sum((a + 1) * b for a, b in zip(self.widths, self.widths[1:]))
        object.__setattr__(self, 'd', hidden + self.widths[-1])

    def initial(self, seed):
        """Return theta_0 (d,): hidden layers random (Glorot), last layer zero."""
        rng, parts = np.random.default_rng(seed), []
        for a, b in zip(self.widths, self.widths[1:]):
            parts += [rng.normal(0, np.sqrt(2 / (a + b)), a * b), rng.uniform(-0.5, 0.5, b)]
        return frozen(np.concatenate([*parts, np.zeros(self.widths[-1])]))

    def layers(self, thetas):
        """Return [(W (P, a, b), c (P, 1, b)), ...] of hidden layers, and the output (P, b, 1)."""
        count, at, hidden = len(thetas), 0, []
        for a, b in zip(self.widths, self.widths[1:]):
            weights = thetas[:, at:at + a * b].reshape(count, a, b)
            hidden.append((weights, thetas[:, None, at + a * b:at + (a + 1) * b]))
            at += (a + 1) * b
        return hidden, thetas[:, at:, None]

    def __call__(self, thetas, x):
        """
        Return r_theta(x), (P, N).

        :param thetas: (P, d).
        :param x: states (N, n), the same for all weights, or (P, N, n).
        """
        return self.prepare(thetas)(x)

    def prepare(self, thetas):
        """Return the function x -> r_theta(x) with the weights unpacked once."""
        hidden, output = self.layers(thetas)
        rest = self._forward(hidden, output, np.zeros((1, 1, self.widths[0])))

        def residual(x):
            return self._forward(hidden, output, x / self.scale) - rest

        return residual

    @staticmethod
    def _forward(hidden, output, z):
        for weights, bias in hidden:
            z = np.matmul(z, weights)
            z += bias
            np.tanh(z, out=z)
        return np.matmul(z, output)[..., 0]

    def jacobian(self, theta, x):
        """
        Return d r_theta(x) / d theta, (N, d), by reverse accumulation.

        :param theta: (d,). :param x: (N, n).
        """
        points = np.vstack([x, np.zeros((1, x.shape[1]))])
        rows = self._raw_jacobian(np.asarray(theta), points)
        return rows[:-1] - rows[-1]

    def _raw_jacobian(self, theta, x):
        hidden, output = self.layers(theta[None])
        activations = [x / self.scale]
        for weights, bias in hidden:
            activations.append(np.tanh(activations[-1] @ weights[0] + bias[0]))
        blocks = [activations[-1]]
        back = output[0, :, 0] * (1 - activations[-1]**2)
        for layer in range(len(hidden) - 1, -1, -1):
            outer = activations[layer][:, :, None] * back[:, None, :]
            blocks[:0] = [outer.reshape(len(x), -1), back]
            if layer:
                back = (back @ hidden[layer][0][0].T) * (1 - activations[layer]**2)
        return np.hstack(blocks)


@dataclass(frozen=True)
class ResidualPolicy:
    """The law that runs: sat(u_backup + r_theta), NaN outside the safe set."""

    system: object  # LinearSystem with one input
    backup: object  # x (..., n) -> u (..., 1), NaN where undefined
    network: ResidualNetwork

    def __call__(self, theta, x):
        """
        Return the inputs (N, 1) of one policy.

        :param theta: (d,). :param x: states (N, n).
        """
        residual = self.network(np.asarray(theta, dtype=np.float64)[None], x)[0]
        return self.system.saturate(self.backup(x) + residual[:, None])
