"""Who labels states: the catalogue of experts, and when a batch is due."""
