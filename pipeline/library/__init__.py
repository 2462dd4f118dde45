"""Many recordings, each annotated once: what is to be done, who does it, what was done."""
