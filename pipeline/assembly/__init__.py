"""From a configuration to a run: the only folder that knows every stage."""
