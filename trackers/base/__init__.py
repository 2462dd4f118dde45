"""What trackers are built from: tables of tracks, filters, box motion, assignment."""
