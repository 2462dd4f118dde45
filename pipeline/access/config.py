"""The section `serve` of a configuration."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from pipeline.access.passwords import is_hash

_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
MIN_TOKEN = 16  # characters


class Role(str, Enum):
    """What somebody may do: `view` reads, `admin` also changes."""

    VIEW = "view"
    ADMIN = "admin"


def _checked_hash(text: str) -> str:
    if not is_hash(text):
        raise PydanticCustomError(
            "password_hash",
            "a hash is expected: `framelane serve --add-user NAME` makes one",
        )
    return text


class UserConfig(BaseModel):
    """Somebody who logs in at the page."""

    model_config = _STRICT
    password: Annotated[str, AfterValidator(_checked_hash)] = Field(
        repr=False, description="scrypt hash, made by `framelane serve --add-user NAME`"
    )
    role: Role = Role.VIEW


class TokenConfig(BaseModel):
    """A program, which sends `Authorization: Bearer TOKEN`."""

    model_config = _STRICT
    token: SecretStr = Field(
        min_length=MIN_TOKEN, description="at least 16 characters; use ${VAR} and keep it out"
    )
    role: Role = Role.VIEW


class ServeConfig(BaseModel):
    """The server of page, API and metrics."""

    model_config = _STRICT
    address: str = Field(default="127.0.0.1:8080", description="HOST:PORT that it listens on")
    users: dict[str, UserConfig] = Field(default_factory=dict, description="by name")
    tokens: dict[str, TokenConfig] = Field(default_factory=dict, description="by name")
    hosts: tuple[str, ...] = Field(
        default=(),
        description="names under which browsers reach the server; addresses need no entry",
    )
    schemes: tuple[str, ...] = Field(
        default=(),
        description="schemes of the sources that may be added through the API, such as rtsp; "
        "default: none",
    )
    folders: tuple[str, ...] = Field(
        default=(),
        description="folders whose files may be added as sources through the API; default: none",
    )
    save: bool = Field(
        default=False,
        description="write changes made through the API to the configuration file; comments stay",
    )
