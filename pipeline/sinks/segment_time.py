"""When a segment began, by its name."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

_WIDTH = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "j": 3, "s": 10}
_NUMBER = re.compile(r"(~\d+)?(\.incomplete)?$")  # what follows the moment in a name


def started_by_name(template: Path, path: Path, before: float) -> float | None:
    """Return the moment in a segment's name, in seconds since 1970; None if there is none.

    template: with directives of strftime; path: a segment of it
    before: a later moment, such as the file's modification; it tells the day if the name does not
    """
    wanted = str(template.with_suffix(""))
    text = _NUMBER.sub("", str(path.with_suffix("")))
    found = re.fullmatch(_expression(wanted), text)
    parts = {key: int(value) for key, value in found.groupdict().items()} if found else {}
    if "s" in parts:
        return float(parts["s"])
    try:
        return _moment(parts, datetime.fromtimestamp(before, timezone.utc))
    except (KeyError, ValueError, OverflowError):
        return None


def _moment(parts: dict[str, int], before: datetime) -> float:
    """Return a moment from its parts; raises KeyError if one is missing, ValueError if wrong."""
    time = timedelta(hours=parts["H"], minutes=parts.get("M", 0), seconds=parts.get("S", 0))
    year = parts.get("Y", 2000 + parts["y"] if "y" in parts else before.year)
    if "j" in parts:
        day = datetime(year, 1, 1, tzinfo=timezone.utc) + timedelta(days=parts["j"] - 1)
        return (day + time).timestamp()
    if "m" in parts and "d" in parts:
        return (datetime(year, parts["m"], parts["d"], tzinfo=timezone.utc) + time).timestamp()
    moment = before.replace(hour=0, minute=0, second=0, microsecond=0) + time
    return (moment if moment <= before else moment - timedelta(days=1)).timestamp()


def _expression(template: str) -> str:
    """Return a pattern of the names, with a group for the first of each directive."""
    seen: set[str] = set()

    def pattern(piece: str) -> str:
        letter = piece[1:]
        if piece == "%%":
            return "%"
        if not piece.startswith("%") or letter not in _WIDTH:
            return re.escape(piece)
        if letter in seen:
            return rf"\d{{{_WIDTH[letter]}}}"
        seen.add(letter)
        return rf"(?P<{letter}>\d{{{_WIDTH[letter]}}})"

    return "".join(map(pattern, re.split(r"(%.)", template)))
