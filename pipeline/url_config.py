"""The part of a configuration that says where something is, and who may go there."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.checked_text import Url
from pipeline.credentials import checked_host, with_credentials

CheckedUrl = Annotated[Url, AfterValidator(checked_host)]


class UrlConfig(BaseModel):
    """Where video comes from, or where results go. Further keys are options of that kind of place.

    The constructor of what is opened there checks them.
    """

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    url: CheckedUrl
    user: str | None = Field(
        default=None, repr=False, description="of the URL, in place of USER:PASSWORD@ in it"
    )
    password: str | None = Field(
        default=None, repr=False, description="of the URL, as it is: not percent-encoded"
    )

    @model_validator(mode="after")
    def _has_place_for_credentials(self) -> UrlConfig:
        with_credentials(self.url, self.user, self.password)
        return self

    @property
    def address(self) -> str:
        """The URL with user and password, for the one who connects."""
        return with_credentials(self.url, self.user, self.password)
