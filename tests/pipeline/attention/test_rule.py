"""The rule: what is most urgent decides, and a rest says why nothing is."""

from __future__ import annotations

import pytest

from pipeline.attention.rule import Situation, decide
from pipeline.frames.decision import Decision, Reason


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        (Situation(float("inf")), Reason.AGE),
        (Situation(0.5), Reason.QUIET),
        (Situation(0.5, expected=True), Reason.EXPECTED),
        (Situation(1.0), Reason.AGE),
        (Situation(1.0, max_rest=3.0), Reason.QUIET),
        (Situation(0.04, movement=0.0), Reason.MOVEMENT),
        (Situation(0.2, movement=0.3), Reason.FRUITLESS),
        (Situation(0.3, movement=0.3), Reason.MOVEMENT),
        (Situation(0.2, track=0.16), Reason.TRACK),
        (Situation(0.1, track=0.16), Reason.QUIET),
        (Situation(0.06, doubt=0.05, track=0.16), Reason.DOUBT),
        (Situation(0.04, doubt=0.05), Reason.QUIET),
        (Situation(0.1, learning=True), Reason.QUIET),
        (Situation(0.12, learning=True), Reason.LEARNING),
        (Situation(0.12, change=True), Reason.CHANGE),
        (Situation(9.0, movement=0.0, under_way=True), Reason.UNDER_WAY),
    ],
)
def test_what_is_most_urgent_decides(situation: Situation, reason: Reason) -> None:
    assert decide(situation).reason is reason


def test_a_look_is_worth_more_the_longer_it_is_due() -> None:
    late, later = decide(Situation(0.3, track=0.1)), decide(Situation(0.6, track=0.1))
    assert 1 < late.worth < later.worth
    assert late.later(0.3).worth == pytest.approx(later.worth)


def test_a_rest_has_no_worth() -> None:
    assert not Decision(Reason.QUIET).looks and decide(Situation(0.5)).worth == 0
