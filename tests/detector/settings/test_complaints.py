"""Complaints quote a value or a key only if it cannot be a credential."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from detector.settings.complaints import explain, given

SECRET = "Xq7vTr3"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, "5 given"),
        (None, "None given"),
        (True, "True given"),
        ("many", "'many' given"),
        ("", "'' given"),
        ([], "[] given"),
        ([[-1]], "[[-1]] given"),
        ((640, "x"), "[640, 'x'] given"),
        ("rtsp://u:p@cam/1", "text (not shown) given"),
        ("a=b", "text (not shown) given"),
        ("u:p", "text (not shown) given"),
        ("x" * 500, "text (not shown) given"),
        (["u:p"], "a list (not shown) given"),
        ({"a": 1}, "a mapping (not shown) given"),
        (b"bytes", "a value (not shown) given"),
    ],
)
def test_a_value_is_quoted_if_it_is_harmless(value: Any, shown: str) -> None:
    assert given(value, ("sources", "0")) == shown


@pytest.mark.parametrize("key", ["url", "user", "password", "ffmpeg"])
def test_nothing_below_a_key_with_credentials_is_quoted(key: str) -> None:
    for value in (SECRET, 12345, [SECRET], {SECRET: SECRET}):
        assert given(value, ("sources", "0", key)).endswith("(not shown) given")
        assert given(value, (key, "headers")).endswith("(not shown) given")


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        ({"sizes": 5}, "sizes: 5 given: input should be a list: [A, B]"),
        ({"names": 5}, "names: 5 given: input should be a mapping: keys with values"),
        ({"inner": 5}, "inner: 5 given: input should be a mapping: keys with values"),
    ],
)
def test_what_is_accepted_is_said_in_the_words_of_yaml(
    content: dict[str, Any], accepted: str
) -> None:
    class Outer(BaseModel):
        sizes: tuple[int, ...] = ()
        names: dict[str, str] = {}
        inner: Strict = Strict()

    with pytest.raises(ValidationError) as raised:
        Outer.model_validate(content)
    assert explain(raised.value, Outer, ".".join) == accepted


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = ""
    count: int = 0


@pytest.mark.parametrize(
    "content",
    [
        {f"rtsp://admin:{SECRET}@cam/1": "x"},
        {f"password {SECRET}": None},
        {"url": [SECRET]},
        {"url": {SECRET: SECRET}},
        {"count": f"rtsp://admin:{SECRET}@cam"},
        {"count": {"url": SECRET}},
        f"rtsp://admin:{SECRET}@cam",
    ],
)
def test_keys_and_values_that_may_be_credentials_are_not_quoted(content: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        Strict.model_validate(content)
    complaint = explain(raised.value, Strict, ".".join)
    assert SECRET not in complaint
    assert "\n" not in complaint
