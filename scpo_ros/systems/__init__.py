"""The controlled system: model, sampling, transitions, scenarios, simulated plant."""
