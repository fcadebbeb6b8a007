"""Where issued certificates are put: one file per kind of target."""
