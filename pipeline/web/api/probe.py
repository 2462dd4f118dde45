"""A camera tried out before it is added: what it sends, or why it does not answer."""

from __future__ import annotations

from contextlib import closing
from http import HTTPStatus
from itertools import islice, pairwise
from statistics import median
from time import monotonic
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from detector.errors import FramelaneError
from pipeline.config import SourceConfig, options_of
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.tap import PacketQueue
from pipeline.sources import Decoded, Source, make_source, source_for
from pipeline.web.allowed import refuse_forbidden
from pipeline.web.body import validated
from pipeline.web.in_thread import in_thread
from pipeline.web.problem import Problem
from pipeline.web.site import site_of

FRAMES = 60  # that are looked at, at most
SECONDS = 10.0  # in which they must come
ONE_ATTEMPT = {"reconnect": False, "timeout_seconds": 5.0, "audio": True}
MAX_WAITING = 16 << 20  # bytes of packets, of which only the format is looked at
NAMES = {
    "h264": "H.264",
    "hevc": "H.265",
    "mjpeg": "MJPEG",
    "aac": "AAC",
    "opus": "Opus",
    "pcm_mulaw": "G.711",
    "pcm_alaw": "G.711",
    "pcm_s16be": "L16",
}


async def probe(request: Request) -> Response:
    """Connect to a source, read some frames, and say what it sends."""
    source = await validated(request, SourceConfig)
    refuse_forbidden(source, site_of(request).serve)
    try:
        return JSONResponse(await in_thread(lambda: _probed(source)))
    except FramelaneError as error:
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from None


def _probed(config: SourceConfig) -> dict[str, Any]:
    """Return what a source sends; raises FramelaneError."""
    live = source_for(config.url).live
    options = options_of(config) | (ONE_ATTEMPT if live else {})
    source = make_source(config.address, "probe", options)
    began_at = monotonic()
    packets = source.tap.subscribe("probe", MAX_WAITING) if source.tap else None
    with closing(source):
        stream = source.open()
        connected = monotonic() - began_at
        frames = list(_frames(source, began_at + SECONDS))
    if not frames:
        raise FramelaneError(f"{stream.url}: connected, but no frame came in {SECONDS:g} s")
    picture = frames[0].picture
    gaps = [
        float((b.pts - a.pts) * b.time_base)
        for a, b in pairwise(frames)
        if a.pts is not None and b.pts is not None and b.pts > a.pts
    ]
    found: dict[str, Any] = {
        "url": stream.url,
        **_sent(packets),
        "width": picture.width,
        "height": picture.height,
        "fps": round(1 / median(gaps), 2) if gaps else None,
        "clock": source.status.clock_source if source.status else None,
        "connected_seconds": round(connected, 2),
    }
    return {**found, "text": _text(found)}


def _frames(source: Source, until: float) -> list[Decoded]:
    """Return the first frames of a source, as many as come in time."""
    found: list[Decoded] = []
    for item in islice(source, FRAMES * 4):
        if isinstance(item, Decoded):
            found.append(item)
        if len(found) == FRAMES or monotonic() > until:
            source.stop()
            break
    return found


def _sent(packets: PacketQueue | None) -> dict[str, Any]:
    """Return what the packets of a connection tell: codecs, and seconds between keyframes."""
    if packets is None:
        return {"codec": None, "audio": None, "keyframe_seconds": None}
    packets.close()
    names: list[str] = []
    keyframes: list[int] = []  # ticks
    for item in packets:
        if isinstance(item, PacketFormat):
            names = names or [NAMES.get(track.codec, track.codec) for track in item.tracks]
        elif isinstance(item, EncodedPacket) and item.keyframe and item.track == 0:
            keyframes.append(item.ticks)
    gaps = [(after - before) / HERTZ for before, after in pairwise(keyframes)]
    return {
        "codec": names[0] if names else None,
        "audio": names[1] if len(names) > 1 else None,
        "keyframe_seconds": round(median(gaps), 2) if gaps else None,
    }


def _text(found: dict[str, Any]) -> str:
    parts = [f"connected, {found['width']}x{found['height']} {found['codec'] or ''}".strip()]
    if found["fps"]:
        parts.append(f"{found['fps']:g} fps")
    if found["keyframe_seconds"]:
        parts.append(f"keyframe every {found['keyframe_seconds']:g} s")
    if found["audio"]:
        parts.append(f"audio {found['audio']}")
    if found["clock"]:
        parts.append(f"times of capture from {found['clock']}")
    return ", ".join(parts)
