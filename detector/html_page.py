"""A report page: one self-contained HTML file with charts, images and tables."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import cv2

from detector.atomic_write import replacing
from detector.detections import UInt8Array
from detector.errors import UsageError

MAX_SIDE = 640  # pixels, the longer side of an image in a page

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em;
  color: #1f2328; background: #fff }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2em }
table { border-collapse: collapse; margin: 1em 0 } caption { text-align: left; font-weight: 600 }
th, td { padding: .2em .7em; border-bottom: 1px solid #d0d7de; text-align: right }
th:first-child, td:first-child { text-align: left }
svg text { font: 11px system-ui, sans-serif } svg text:not([fill]) { fill: currentColor }
figure { display: inline-block; margin: .5em .5em .5em 0; vertical-align: top; max-width: 100% }
figure img { max-width: 100%; display: block } figcaption { font-size: 13px; color: #57606a }
pre { background: #f6f8fa; padding: 1em; overflow-x: auto } code { word-break: break-all }
"""


@dataclass(slots=True)
class Page:
    """A self-contained HTML page."""

    title: str
    parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.parts.append(f"<h2>{escape(text)}</h2>")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(f"<p>{escape(text)}</p>")

    def listing(self, text: str) -> None:
        """Add preformatted text."""
        self.parts.append(f"<pre>{escape(text)}</pre>")

    def table(self, caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table."""
        cells = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        self.parts.append(
            f"<table><caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )

    def figure(self, content: str, caption: str) -> None:
        """Add an HTML or SVG figure with a caption."""
        self.parts.append(f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>")

    def image(self, image: UInt8Array, caption: str) -> None:
        """Add an (h, w, 3) RGB image, shrunk if it is large."""
        scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        data = base64.b64encode(encoded.tobytes()).decode()
        alt = escape(caption, quote=True)
        self.figure(f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">', caption)

    def write(self, path: Path) -> None:
        """Write the page atomically; raises UsageError if that fails."""
        title = escape(self.title)
        html = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
            f"<body><h1>{title}</h1>\n" + "\n".join(self.parts) + "\n</body></html>\n"
        )
        try:
            with replacing(path) as written:
                written.write_text(html, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
