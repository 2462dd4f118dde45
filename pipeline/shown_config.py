"""A configuration as it may be shown: of its values, only those that are known to be harmless."""

from __future__ import annotations

import re
from itertools import chain
from pkgutil import resolve_name
from typing import Any

from detector.settings.complaints import shown_key
from pipeline.config import OutputConfig, RunConfig, SourceConfig
from pipeline.delivery import TRANSPORTS
from pipeline.delivery.config import DeliveryConfig
from pipeline.options import RENAMED, option_names
from pipeline.redaction import HIDDEN, shown_url
from pipeline.sinks import SINKS
from pipeline.sources import SOURCES

# Options whose values are words; numbers and switches are shown under every name that is an option.
WORDS = {
    *("name", "transport", "variant", "encoder", "preset", "engine", "device", "precision"),
    *("cache", "mode", "dtype", "topic", "discovery", "place"),
}
FFMPEG = {  # options of demuxers that hold no address, header or key
    *("allowed_media_types", "analyzeduration", "channel", "fflags", "flags", "format"),
    *("fpsprobesize", "framerate", "input_format", "live_start_index", "loop", "max_delay"),
    *("pix_fmt", "pixel_format", "probesize", "reorder_queue_size", "reconnect", "rtbufsize"),
    *("rtsp_flags", "rtsp_transport", "rw_timeout", "standard", "stimeout", "thread_queue_size"),
    *("timeout", "video_size", "use_wallclock_as_timestamps"),
}
_WORD = re.compile(r"[\w.:+*-]{0,40}")


def shown_config(config: RunConfig) -> dict[str, Any]:
    """Return the effective configuration, ready for YAML, with *** for what may be a credential.

    User and password are left out where none is given.
    """
    shown = config.model_dump(mode="json")
    for section in ("sources", "outputs", "deliver"):
        shown[section] = [_place(place) for place in shown[section]]
    for place, source in zip(shown["sources"], config.sources, strict=True):
        place["labels"] = {shown_key(k): _word(value, True) for k, value in source.labels.items()}
        place["attention"] = source.attention and source.attention.model_dump(mode="json")
    for place, delivery in zip(shown["deliver"], config.deliver, strict=True):
        place["url"] = delivery.shown
    for section in ("model", "tracker"):
        options = shown[section]
        shown[section] = _options(options, set(options))
    shown["model"]["name"] = shown_url(config.model.name)
    if config.events is not None:
        shown["events"]["streams"] = {
            name: own.model_dump(mode="json", exclude_unset=True)
            for name, own in config.events.streams.items()
        }
    if config.serve is not None:
        shown["serve"] |= {
            "address": shown_url(config.serve.address),
            "users": _without(shown["serve"]["users"], "password"),
            "tokens": _without(shown["serve"]["tokens"], "token"),
        }
    return shown


def _without(accounts: dict[str, Any], secret: str) -> dict[str, Any]:
    return {shown_key(name): {**account, secret: HIDDEN} for name, account in accounts.items()}


def _place(place: dict[str, Any]) -> dict[str, Any]:
    """Return a source, an output or a delivery."""
    credentials = {key: place.pop(key) for key in ("user", "password")}
    given = {key: HIDDEN for key, value in credentials.items() if value is not None}
    urls = {key: place.pop(key) for key in ("url", "record_url") if key in place}
    shown: dict[str, Any] = {key: url and shown_url(url) for key, url in urls.items()}
    return {**shown, **given, **_options(place, _known_options())}


def _known_options() -> set[str]:
    """Return the names of all options of sources, outputs and deliveries."""
    kinds = [option_names(resolve_name(kind)) for kind in (*SOURCES, *SINKS, *TRANSPORTS)]
    places = (SourceConfig, OutputConfig, DeliveryConfig)
    own = [*chain.from_iterable(each.model_fields for each in places), *RENAMED, "serve"]
    return set(own).union(*kinds)


def _options(options: dict[str, Any], known: set[str]) -> dict[str, Any]:
    return {shown_key(key): _option(key, value, known) for key, value in options.items()}


def _option(key: str, value: Any, known: set[str]) -> Any:
    """Return the value of an option; known: names of options, other names may be anything."""
    if key == "ffmpeg" and isinstance(value, dict):
        shown = {name: _word(given, name in FFMPEG) for name, given in value.items()}
        return {shown_key(str(name)): given for name, given in shown.items()}
    if value is None:
        return value
    if isinstance(value, list):
        return [_option(key, part, known) for part in value]
    is_number = isinstance(value, (bool, int, float)) and key in known
    return value if is_number else _word(value, key in WORDS)


def _word(value: Any, harmless: bool) -> Any:
    return value if harmless and _WORD.fullmatch(str(value)) else HIDDEN
