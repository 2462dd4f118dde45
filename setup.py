"""What pyproject.toml cannot say: links of the README lead to the repository when PyPI shows it."""

import re
from pathlib import Path

from setuptools import setup

REPOSITORY = "https://github.com/framelane/framelane"
RELATIVE = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?!https?:|#)(?P<path>[^)]+)\)")


def absolute(link: re.Match[str]) -> str:
    """Return a relative Markdown link as one into the repository: an image as its bytes."""
    view = "raw" if link["image"] else "blob"
    return f"{link['image']}[{link['text']}]({REPOSITORY}/{view}/main/{link['path']})"


setup(
    long_description=RELATIVE.sub(absolute, Path("README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
