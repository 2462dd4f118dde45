"""From tracked frames to events: what is noted, when it begins and ends, and its best frame."""
