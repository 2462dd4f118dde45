"""A report page is self-contained, escapes its content, and has correct charts."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from detector.html_page import MAX_SIDE, Page
from trainer.report.svg_chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, chart, ticks

VOID = {"meta", "img", "br"}


class Checked(HTMLParser):
    """Collects unclosed elements and the addresses of resources."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def written(tmp_path: Path) -> str:
    page = Page("cats & <dogs>")
    page.heading("a < b")
    page.paragraph("<script>alert(1)</script>")
    page.listing("key: '<value>'")
    page.table("a table", ("name", "value"), [("<b>", "1"), ("c", "2")])
    page.figure(chart({"x<y": ([0, 1], [0, 1])}, "x", "y & z"), "a chart")
    image = np.zeros((300, 2 * MAX_SIDE, 3), np.uint8)
    image[:, :, 0] = 200
    page.image(image, 'a "red" image')
    page.write(tmp_path / "page.html")
    return (tmp_path / "page.html").read_text()


def test_every_element_is_closed_and_no_resource_is_external(written: str) -> None:
    checked = Checked()
    checked.feed(written)
    assert checked.open == []
    assert [address[:23] for address in checked.addresses] == ["data:image/jpeg;base64,"]


def test_content_is_escaped(written: str) -> None:
    assert "<script>" not in written and "<b>" not in written
    assert "cats &amp; &lt;dogs&gt;" in written and "x&lt;y" in written


def test_a_large_image_is_shrunk(written: str) -> None:
    (data,) = re.findall(r"base64,([^\"]+)", written)
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape == (150, MAX_SIDE, 3)
    np.testing.assert_allclose(image.mean(axis=(0, 1)), (0, 0, 200), atol=3)  # BGR


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot be written"):
        Page("a").write(tmp_path / "file" / "page.html")


def points(svg: str) -> list[tuple[float, float]]:
    (line,) = ElementTree.fromstring(svg).iter("polyline")
    return [(float(x), float(y)) for x, y in (p.split(",") for p in line.attrib["points"].split())]


def test_a_line_goes_through_its_points() -> None:
    svg = chart({"a": ([1, 2, 3], [0, 5, 10])}, "x", "y")
    middle = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    expected = [(LEFT, HEIGHT - BOTTOM), middle, (WIDTH - RIGHT, TOP)]
    np.testing.assert_allclose(points(svg), expected, atol=0.1)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 30, [10, 20, 30]),
        (0, 0.0193, [0, 0.005, 0.01, 0.015]),
        (-3, 3.1, [-2, 0, 2]),
        (240, 241, [240, 240.2, 240.4, 240.6, 240.8, 241]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_a_single_point_is_a_dot_and_without_points_the_chart_says_so() -> None:
    assert "<circle" in chart({"a": ([1], [2])}, "x", "y")
    assert chart({"a": ([], [])}, "x", "y") == "<p>nothing to draw</p>"
