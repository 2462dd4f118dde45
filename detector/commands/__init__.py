"""The commands of the detector: what each prints and does."""
