"""The backup: a stabilizing MPC, its law at many states, and its cost-to-go."""
