"""An old name works, says its new one, and may not stand beside it."""

from __future__ import annotations

import pytest

from detector.errors import UsageError
from detector.renamed import RenamedWarning, with_new_names

RENAMED = {"least_score": "min_score"}


def test_an_old_name_becomes_the_new_one_and_says_so() -> None:
    with pytest.warns(RenamedWarning, match="tracker: least_score is called min_score now"):
        options = with_new_names({"least_score": 0.5, "other": 1}, RENAMED, "tracker")
    assert options == {"min_score": 0.5, "other": 1}


def test_new_names_pass_without_a_word() -> None:
    assert with_new_names({"min_score": 0.5}, RENAMED, "tracker") == {"min_score": 0.5}


def test_one_option_under_two_names_is_refused() -> None:
    with (
        pytest.warns(RenamedWarning),
        pytest.raises(UsageError, match="least_score and min_score are one option"),
    ):
        with_new_names({"least_score": 0.5, "min_score": 0.6}, RENAMED, "tracker")
