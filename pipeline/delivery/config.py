"""The configuration of one delivery: where to, and options of that kind of transport."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.checked_text import MAX_NAME, StreamName, Url
from pipeline.credentials import checked_host, with_credentials
from pipeline.redaction import HIDDEN, shown_url


class DeliveryConfig(BaseModel):
    """Where events are delivered to. Further keys are options of that kind of transport."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    url: Annotated[Url, AfterValidator(checked_host)] = Field(
        repr=False, description="mqtt:// or mqtts://HOST, https://HOST/PATH, or a .jsonl file"
    )
    user: str | None = Field(
        default=None, repr=False, description="of the URL, in place of USER:PASSWORD@ in it"
    )
    password: str | None = Field(
        default=None, repr=False, description="of the URL, as it is: not percent-encoded"
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

    @model_validator(mode="after")
    def _has_place_for_credentials(self) -> DeliveryConfig:
        with_credentials(self.url, self.user, self.password)
        return self

    def __repr_args__(self) -> Iterator[tuple[str, str]]:
        """Show nothing that may be secret, such as an option `secret`."""
        yield "name", self.transport

    @property
    def address(self) -> str:
        """The URL with user and password, for the one who connects."""
        return with_credentials(self.url, self.user, self.password)

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
