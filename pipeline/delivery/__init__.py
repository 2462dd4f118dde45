"""Delivery of events: what was stored is told to MQTT brokers, webhooks and files, at least once.

    log = EventLog(folder, outbox_bounds(configs))
    deliveries = Deliveries(configs, Outbox(folder, log), folder)
    log.on_committed(deliveries.committed)
    deliveries.cameras(added=[Camera("door", ("person",), zones=("yard",))])
    deliveries.start()
    ...
    deliveries.stop()  # after log.flush(): what it stores last is delivered too

One thread for each transport. A new kind of transport is one file, and one line in `TRANSPORTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast

from detector.errors import UsageError, did_you_mean
from pipeline.delivery.config import DeliveryConfig
from pipeline.delivery.transport import Transport
from pipeline.options import checked_options

TRANSPORTS = (  # the first that accepts a URL delivers to it
    "pipeline.delivery.mqtt.transport:Mqtt",
    "pipeline.delivery.webhook:Webhook",
    "pipeline.delivery.jsonl:JsonLinesFile",
)


def make_transport(config: DeliveryConfig, folder: Path) -> Transport:
    """Return the transport of a configuration; it connects to nothing yet.

    folder: of the events
    Raises UsageError for a URL that none delivers to, and for wrong options.
    """
    where = f"deliver '{config.shown}'"
    kinds: list[type[Transport]] = [resolve_name(name) for name in TRANSPORTS]
    for kind in kinds:
        if config.kind in kind.accepted:
            made = cast(Callable[..., Transport], kind)
            given = dict(config.model_extra or {})
            options = checked_options(made, given, where, DeliveryConfig.model_fields)
            missing = [name for name in kind.required if name not in options]
            if missing:
                raise UsageError(f"{where}: the option '{missing[0]}' is missing")
            return made(config.address, folder, **options)
    accepted: Any = chain.from_iterable(kind.accepted for kind in kinds)
    raise UsageError(f"{where}: nothing delivers to that{did_you_mean(config.kind, accepted)}")
