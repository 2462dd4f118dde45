"""The topics of MQTT under which a site is published."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

MAX_BYTES = 200  # of the part before a camera; a topic has at most 65535
_TOPIC = re.compile(r"[^/$+#\s][^+#\x00-\x1f\x7f]*(?<!/)")


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of a site.

    prefix: `framelane`, or what the user chose
    """

    prefix: str

    @property
    def availability(self) -> str:
        """`online` or `offline`, retained."""
        return f"{self.prefix}/availability"

    def events(self, camera: str) -> str:
        """Messages about events, not retained."""
        return f"{self.prefix}/{camera}/events"

    def state(self, camera: str) -> str:
        """What is there now, retained."""
        return f"{self.prefix}/{camera}/state"

    def counts(self, camera: str) -> str:
        """What was counted since the start of the run, retained."""
        return f"{self.prefix}/{camera}/counts"

    def snapshot(self, camera: str) -> str:
        """The JPEG of the last event that has one, retained."""
        return f"{self.prefix}/{camera}/snapshot"


def is_topic(text: str) -> bool:
    """Return whether a text can be the first part of topics: no wildcard, no `/` at its ends."""
    return _TOPIC.fullmatch(text) is not None and len(text.encode()) <= MAX_BYTES


def identifier(*names: str) -> str:
    """Return an identifier of ASCII letters, digits, `_` and `-`; other names give another one."""
    words = [re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_") for name in names]
    if list(names) == words:
        return "_".join(words)
    digest = sha256("\0".join(names).encode()).hexdigest()[:8]
    return "_".join([*filter(None, words), digest])
