"""Experts, which label states with actions: their catalogue, and when a batch is due."""
