"""Polytopes and contractive robust control invariant sets."""
