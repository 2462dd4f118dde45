"""Scores by TrackEval, the evaluation kit of the MOTChallenge."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trackers.motchallenge.text import MotRows

with contextlib.redirect_stdout(io.StringIO()):  # it prints which modules it could not import
    import trackeval

NAMES = {  # ours -> theirs
    "hota": "HOTA",
    "deta": "DetA",
    "assa": "AssA",
    "loca": "LocA",
    "detre": "DetRe",
    "detpr": "DetPr",
    "assre": "AssRe",
    "asspr": "AssPr",
    "mota": "MOTA",
    "motp": "MOTP",
    "idf1": "IDF1",
    "idr": "IDR",
    "idp": "IDP",
    "switches": "IDSW",
    "fragments": "Frag",
    "false_positives": "CLR_FP",
    "misses": "CLR_FN",
    "mostly_tracked": "MT",
    "partly_tracked": "PT",
    "mostly_lost": "ML",
}
QUIET = {"PRINT_CONFIG": False}


def challenge_scores(
    folder: Path, sequences: Mapping[str, tuple[Path, Path]], benchmark: str
) -> dict[str, dict[str, float]]:
    """Return TrackEval's scores of ground-truth and result files, by sequence and for "all"."""
    for name, (truth, results) in sequences.items():
        for source, target in ((truth, f"gt/{name}/gt/gt.txt"), (results, f"r/x/data/{name}.txt")):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / target)
    lengths = {
        name: max(int(np.loadtxt(path, delimiter=",", ndmin=2)[:, 0].max()) for path in paths)
        for name, paths in sequences.items()
    }
    options = {
        "GT_FOLDER": str(folder / "gt"),
        "TRACKERS_FOLDER": str(folder / "r"),
        "TRACKERS_TO_EVAL": ["x"],
        "SKIP_SPLIT_FOL": True,
        "SEQ_INFO": lengths,
        "BENCHMARK": benchmark,
    }
    dataset = trackeval.datasets.MotChallenge2DBox(options | QUIET)
    data = {
        name: dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("x", name), "pedestrian")
        for name in sequences
    }
    return _scores(data)


def plain_scores(truth: MotRows, results: MotRows) -> dict[str, float]:
    """Return TrackEval's scores of boxes without any rules of a benchmark."""
    _, truth_ids = np.unique(truth.ids, return_inverse=True)
    _, result_ids = np.unique(results.ids, return_inverse=True)
    rows = [
        (truth.frames == frame, results.frames == frame)
        for frame in np.union1d(truth.frames, results.frames)
    ]
    similarity = trackeval.datasets.MotChallenge2DBox._calculate_box_ious
    data = {
        "gt_ids": [truth_ids[here] for here, _ in rows],
        "tracker_ids": [result_ids[there] for _, there in rows],
        "similarity_scores": [
            similarity(truth.boxes_xyxy[here], results.boxes_xyxy[there], "x0y0x1y1")
            for here, there in rows
        ],
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(results),
        "num_gt_ids": len(set(truth_ids.tolist())),
        "num_tracker_ids": len(set(result_ids.tolist())),
        "num_timesteps": len(rows),
    }
    return _scores({"": data})["all"]


def _scores(sequences: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    metrics = (
        trackeval.metrics.HOTA(),
        trackeval.metrics.CLEAR(QUIET),
        trackeval.metrics.Identity(QUIET),
    )
    gathered: dict[str, dict[str, Any]] = {name: {} for name in (*sequences, "all")}
    for metric in metrics:
        single = {name: metric.eval_sequence(data) for name, data in sequences.items()}
        for name, result in (*single.items(), ("all", metric.combine_sequences(single))):
            gathered[name].update(result)
    return {
        name: {ours: float(np.mean(result[theirs])) for ours, theirs in NAMES.items()}
        for name, result in gathered.items()
    }
