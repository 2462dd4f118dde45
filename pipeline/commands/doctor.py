"""framelane doctor: what this machine has, with what decodes and encodes video on it, tried."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import click

from detector.cli import Command
from pipeline.codecs.encoders import automatic
from pipeline.codecs.trial import CODECS, Tried, try_codec
from pipeline.gstreamer.elements import is_for_jetson


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(as_json: bool) -> None:
    """Show this machine's hardware and software, what a run uses of it, and what is missing.

    Decoders and encoders are tried, each with a tenth of a second of synthetic video.
    """
    import av

    from detector.commands.doctor import as_data, as_text, use
    from detector.commands.machine import examine

    os.environ.setdefault("SVT_LOG", "1")  # an encoder of AV1 would fill the terminal
    machine = examine()
    tried = {codec: try_codec(codec) for codec in CODECS}
    used = used_codecs(tried)
    if as_json:
        codecs = {codec: asdict(each) for codec, each in tried.items()}
        data = as_data(machine) | {"ffmpeg": av.ffmpeg_version_info, "codecs": codecs}
        click.echo(json.dumps(data | {"use": use(machine) | used}, indent=2))
    else:
        title = f"codecs of FFmpeg {av.ffmpeg_version_info}, tried"
        click.echo(as_text(machine, used.items(), [(title, codec_rows(tried))]))


def used_codecs(tried: Mapping[str, Tried]) -> dict[str, str]:
    """Return what `auto` decodes and encodes H.264 with: part -> what."""
    h264 = tried["h264"]
    decoder = next((name for name in _working(h264.decoders) if name != "software"), "software")
    working = _working(h264.encoders)
    encoder = next((name for name in automatic(jetson=is_for_jetson()) if name in working), "none")
    return {"decoder": _by(decoder), "encoder": _by(encoder)}


def codec_rows(tried: Mapping[str, Tried]) -> Iterator[tuple[str, str]]:
    """Yield codec -> what decodes it and what encodes it, then why the others do not."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for codec, each in tried.items():
        decoders, encoders = _working(each.decoders), _working(each.encoders)
        yield codec, f"decoded by {_listed(decoders)}; encoded by {_listed(encoders)}"
        for name, why in [*each.decoders.items(), *each.encoders.items()]:
            if why is not None:
                reasons.setdefault((name, why), []).append(codec)
    for (name, why), codecs in reasons.items():
        which = "" if len(set(codecs)) == len(tried) else f" ({', '.join(dict.fromkeys(codecs))})"
        yield "", f"not {name}: {why}{which}"


def _working(parts: Mapping[str, str | None]) -> list[str]:
    return [name for name, obstacle in parts.items() if obstacle is None]


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _by(name: str) -> str:
    return "FFmpeg on the CPU" if name == "software" else name
