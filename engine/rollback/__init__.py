"""Back to an earlier version of a stack: what it held is registered again, and the engine plans the rest."""
