"""The configuration of one delivery: where to, and options of that kind of transport."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from pipeline.checked_text import MAX_NAME, StreamName
from pipeline.redaction import HIDDEN, shown_url
from pipeline.url_config import CheckedUrl, UrlConfig


class DeliveryConfig(UrlConfig):
    """Where events are delivered to. Further keys are options of that kind of transport."""

    url: CheckedUrl = Field(
        repr=False, description="mqtt:// or mqtts://HOST, https://HOST/PATH, or a .jsonl file"
    )
    name: StreamName | None = Field(
        default=None,
        description="under which it is reported, and under which what waits for it is stored; "
        "default: from the url",
    )
    keep_seconds: float = Field(
        default=7 * 86400.0, gt=0, description="messages that wait for longer are dropped"
    )
    keep_bytes: int = Field(
        default=100_000_000, gt=0, description="of messages that wait; beyond, the oldest go"
    )

    def __repr_args__(self) -> Iterator[tuple[str, str]]:
        """Show nothing that may be secret, such as an option `secret`."""
        yield "name", self.transport

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return shown_receiver(self.url)

    @property
    def kind(self) -> str:
        """The scheme or ending of the URL: `mqtt://`, `.jsonl`."""
        scheme, remote, _ = self.url.partition("://")
        return f"{scheme.lower()}://" if remote else Path(self.url).suffix.lower()

    @property
    def transport(self) -> str:
        """The name; by default from the host or file: a path may hold a secret."""
        if self.name:
            return self.name
        if "://" not in self.url:
            name = Path(self.url).name
        else:
            parts = urlsplit(self.url)
            name = f"{parts.scheme}-{parts.hostname}"
            name += f"-{parts.port}" if parts.port else ""
        return re.sub(r"[^\w.]+", "-", name).strip(".-")[:MAX_NAME] or "delivery"


def shown_receiver(url: str) -> str:
    """Return a URL as it may be shown: without user and password, and without a path.

    The path of a webhook is often all that keeps others from using it.
    """
    scheme, remote, rest = url.partition("://")
    if not remote:
        return shown_url(url)
    host, _, path = rest.partition("/")
    return shown_url(f"{scheme}://{host}") + (f"/{HIDDEN}" if path else "")
