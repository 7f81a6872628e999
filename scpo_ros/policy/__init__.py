"""The learned policy: network, residual, imitation loss, safety filter."""
