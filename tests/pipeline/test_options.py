"""Options are checked against the constructor that takes them, and old names still work."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from detector.errors import UsageError
from detector.renamed import RenamedWarning
from pipeline.options import checked_options, option_names


class Retrying:
    """A constructor with options."""

    def __init__(
        self,
        url: str,
        *,
        max_retry_seconds: Annotated[float, Field(gt=0)] = 30.0,
        threads: int | None = None,
    ) -> None:
        pass


class Plain:
    """A constructor without the renamed option."""

    def __init__(self, url: str, *, threads: int = 1) -> None:
        pass


def test_options_are_the_keyword_only_arguments() -> None:
    assert option_names(Retrying) == ["max_retry_seconds", "threads"]


def test_values_are_converted_to_the_declared_types() -> None:
    options = {"max_retry_seconds": "2.5", "threads": None}
    assert checked_options(Retrying, options, "x") == {"max_retry_seconds": 2.5, "threads": None}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"url": "a"}, "^source 'a': unknown option 'url'"),
        ({"thread": 2}, r"^source 'a': unknown option 'thread'; did you mean 'threads'\?"),
        ({"threads": "many"}, "^source 'a': threads: 'many' given: input should be a valid int"),
        ({"max_retry_seconds": 0}, "^source 'a': max_retry_seconds: 0 given: .* greater than 0"),
        ({"threads": "a:b@c"}, r"^source 'a': threads: text \(not shown\) given: input should be"),
        ({"rtsp://u:p@cam": 1}, r"^source 'a': unknown option '\*\*\*'; accepted: max_retry"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_accepted(
    options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        checked_options(Retrying, options, "source 'a'")


def test_the_message_names_other_keys_of_the_same_place() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'record_url'.*record_url, threads"):
        checked_options(Retrying, {"recrod_url": "x"}, "source 'a'", ["record_url"])


def test_an_old_name_works_with_a_warning() -> None:
    with pytest.warns(RenamedWarning, match="source 'a': longest_retry_seconds is called max_r"):
        options = checked_options(Retrying, {"longest_retry_seconds": 3}, "source 'a'")
    assert options == {"max_retry_seconds": 3.0}


def test_both_names_of_an_option_are_refused() -> None:
    both = {"longest_retry_seconds": 3, "max_retry_seconds": 4}
    with pytest.warns(RenamedWarning), pytest.raises(UsageError, match="are one option"):
        checked_options(Retrying, both, "x")


def test_an_old_name_is_unknown_where_the_new_one_is_not_accepted() -> None:
    with pytest.raises(UsageError, match="unknown option 'longest_retry_seconds'"):
        checked_options(Plain, {"longest_retry_seconds": 3}, "x")
