"""Pulumi programs and the `tic` Pulumi package; knows nothing of how credentials are stored."""
