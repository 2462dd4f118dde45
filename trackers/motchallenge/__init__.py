"""MOTChallenge files: sequences, text, frame choices, and trackers run over them."""
