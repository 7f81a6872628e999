"""Proofs over all states: invariance and stability, by cells and by boxes."""
