"""One node of a fleet: a process with an ordinary run, which does what a coordinator asks."""
