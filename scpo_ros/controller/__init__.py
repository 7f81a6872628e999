"""The trusted side: answers states, admits policies, watches the plant. Never meets `adapter`."""
