"""What adapter and controller share, and nothing else: records, messages, refusals, states."""
