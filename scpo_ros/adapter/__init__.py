"""The untrusted side: collects, learns, proposes. Never meets `controller`."""
