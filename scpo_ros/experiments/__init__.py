"""The experiments of the paper and the baselines, headless."""
