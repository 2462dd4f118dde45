"""One file for each kind of head: how to recognise it, and how to decode its outputs."""
