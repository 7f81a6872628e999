"""Proofs over all states: invariance and contraction, by cells and by boxes."""
