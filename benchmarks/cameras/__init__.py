"""How many cameras two cores sustain, with attention off and on, beside simpler programs."""
