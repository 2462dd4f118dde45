"""Which frames of a recording are worth a person's time."""
