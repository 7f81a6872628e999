"""One page that explains a described system: modes, parts, safe set, room for a residual."""
