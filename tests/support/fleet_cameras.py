"""Small cameras for a fleet, the site that names them, and what nodes have recorded of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml

from detector.detections import UInt8Array
from pipeline.config import RunConfig
from tests.support.cameras import Server, write_units

SIZE = (160, 96)
FPS = 10
USER = "viewer"
PASSWORD = "horse-of-the-fleet"  # no other test, running beside, has it


def small_cameras(folder: Path, count: int, fps: int = FPS) -> Server:
    """Return a server of cameras cam0, cam1 and so on, with a password."""
    clip = write_units(folder / "clip.bin", map(_frame, range(50)))
    options = {"clip": clip, "fps": fps, "user": f"{USER}:{PASSWORD}"}
    return Server({f"cam{number}": options for number in range(count)})


def _frame(index: int) -> UInt8Array:
    bgr = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    bgr[20:60, index * 2 : index * 2 + 40] = 200
    return bgr


def fleet_site(server: Server, count: int, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the configuration of a fleet that records these cameras, as plain data."""
    return {
        "sources": [
            {
                "url": server.url(f"cam{number}"),
                "name": f"cam{number}",
                "user": USER,
                "password": PASSWORD,
                "place": f"place{number // 2}",
                "retry_seconds": 0.2,
                "max_retry_seconds": 0.5,
            }
            for number in range(count)
        ],
        "model": {"name": "street", "engine": "fake"},
        "outputs": [],
        "recording": {
            "url": str(folder / "recordings/{stream}/{epoch}/%Y%m%d-%H%M%S.mp4"),
            "segment_seconds": 2,
        },
        "fleet": {
            "folder": str(folder / "fleet"),
            "node_folder": str(folder / "nodes/{node}"),
            "camera_cores": 0.05,
            "headroom": 0.1,
        },
        **more,
    }


def written_site(content: Mapping[str, Any], path: Path) -> RunConfig:
    """Write a configuration as YAML, and return it as it is read."""
    path.write_text(yaml.safe_dump(dict(content)))
    return RunConfig.model_validate(content)


def recorded(folder: Path, camera: str) -> dict[str, int]:
    """Return how many packets are recorded of a camera, by epoch, as FFmpeg reads them."""
    counts: dict[str, int] = {}
    for path in sorted((folder / "recordings" / camera).rglob("*.mp4")):
        with av.open(str(path)) as container:
            packets = sum(1 for packet in container.demux(video=0) if packet.size)
        counts[path.parent.name] = counts.get(path.parent.name, 0) + packets
    return counts
