"""The evidence: attacks, faults and endurance, against the cores and against the real nodes."""
