"""What trackers are built from: track tables, filters, box motion, assignment, shared bases."""
