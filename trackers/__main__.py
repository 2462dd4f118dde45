"""python -m trackers: track detections from files, and score tracks against ground truth."""

from __future__ import annotations

from detector.cli import Late, LateGroup

LATE = {
    "run": Late("trackers.commands.run:run", "Track detections from MOTChallenge files."),
    "evaluate": Late("trackers.commands.evaluate:evaluate", "Score tracks: HOTA, MOTA, IDF1."),
}

main = LateGroup(name="trackers", late=LATE, help="Boxes over time in, identities out.")

if __name__ == "__main__":
    main(prog_name="python -m trackers")
