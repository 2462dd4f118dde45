"""The stops on a frame's way, from decode to annotate: plain code without threads."""
