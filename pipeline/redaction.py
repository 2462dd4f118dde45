"""URLs as they may be shown: what is known to be harmless, and *** for everything else.

The only place that knows what of a URL is harmless: scheme, host, port, plain words of the path,
and a few keys of the query. Whatever could belong to a password is not shown, also if a user typed
it where no URL has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from detector.errors import FramelaneError

HIDDEN = "***"
# Keys of queries and paths, and their values.
_SHOWN_KEY = re.compile(
    r"audio|camera|ch|channels?|chn|codec|fps|framerate|height|id|profile|quality|real_stream|"
    r"resolution|serve|size|stream|subtype|transport|type|unicast|video|videocodec|width",
    re.IGNORECASE,
)
HOST = re.compile(r"(\[[\w.:%]+\]|[\w.{}-]*)(:\d{1,5})?")
_EXAMPLE = "HOST:PORT"  # in our own advice

_LOCAL = {"camera", "file", "pipe", "synthetic"}  # what follows is a path, without credentials
# `rtsp://`, `mjpeg:http://`, `rtsp:/`; and without a slash if a scheme of ours has an @ behind it
_START = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:){1,4}/+(?=[^\s/])"
    r"|(?:(?:rtsps?|rtmps?|https?|mjpeg|hls|srt|rtp|udp|tcp):){1,2}(?=[^\s/]\S{0,200}@)",
    re.IGNORECASE,
)
_TRAILING = "'\")]}>,.;:!?`"  # belongs to the sentence around a URL
# The forms in which a password stands outside a URL: `user:password@host`, `password=...`.
_BARE_USER = re.compile(r"[^/@'\"(\[{<=,]*$")
_BARE_KEY = re.compile(
    r"((?:pass|pwd|token|secret|authorization)[\w-]{0,30}\s?[=:]\s?(?:basic |bearer |digest )?)"
    r"(?<!: )(?!\s)[^\s&;,'\"]+|((?:basic|bearer)\s+)[\w+/=.~-]{6,}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w .~,+!(){}%*-]*")  # a part of a path; % and * of templates and globs
_VALUE = re.compile(
    r"|\d{1,5}([x,.]\d{1,5})*(\.sdp)?|main|sub|tcp|udp|unicast|true|false|on|off|h26[45]|mjpe?g|jpeg",
    re.IGNORECASE,
)
_SECRET_WORD = re.compile(
    r"pass(word|wd)?|pwd|token|secret|auth|user(name|s)?|account|login|credentials?", re.IGNORECASE
)
_MOST_ROUNDS = 5
MAX_WORD = 100  # characters; a longer one is not a name
_KEY = re.compile(r"[A-Za-z][A-Za-z_-]{0,19}")
# Such as the keys that services put into the paths of their streams.
_RANDOM = re.compile(
    r"(?=\w*[a-z])(?=\w*[A-Z])(?=\w*\d)[A-Za-z0-9]{16,}|(?=\w*\d)(?=\w*[a-f])[0-9a-fA-F]{16,}"
)


def shown_url(url: str) -> str:
    """Return a URL or path as it may be shown; anything in it may belong to a password."""
    return _settled(_shown_url_once, url.strip())


def _shown_url_once(text: str) -> str:
    start = _START.match(text)
    return start[0] + _shown(start[0], text[start.end() :]) if start else without_password(text)


def without_password(text: str) -> str:
    """Return a text with each URL in it as it may be shown, and other credentials as ***.

    A URL ends at white space. If one may hold white space, use `shown_url` where it enters a text.
    """
    return _settled(_without_password_once, text)


def _settled(redact: Callable[[str], str], text: str) -> str:
    """Redact until nothing changes: what is left of malformed URLs may look like another form."""
    for _ in range(_MOST_ROUNDS):
        text, before = redact(text), text
        if text == before:
            break
    return text


def _without_password_once(text: str) -> str:
    parts, position = [], 0
    while start := _START.search(text, position):
        before = text[position : start.start()]
        # `user:password@rtsp://host`: the credentials stand in front of the URL
        parts.append(
            _without_bare(before + "x")[:-1] if before.endswith("@") else _without_bare(before)
        )
        end = _end(text, start.end())
        word = text[start.end() : end]
        rest = word.rstrip(_TRAILING)
        parts += [start[0], _shown(start[0], rest), word[len(rest) :]]
        position = end
    return "".join([*parts, _without_bare(text[position:])])


@contextmanager
def redacted_errors() -> Iterator[None]:
    """Take credentials out of the message of a FramelaneError that passes."""
    try:
        yield
    except FramelaneError as error:
        error.args = (without_password(str(error)),)
        raise


def _end(text: str, start: int) -> int:
    """Return where the URL ends whose part after the slashes begins at `start`."""
    end = _space(text, start)
    rest = text[start:end].rstrip(_TRAILING)
    # With white space in a password, what stands before it is no host, or has no path.
    if (
        "@" not in rest
        and ((":" in rest and rest == _head(rest)) or not HOST.fullmatch(_head(rest)))
        and _head(rest) not in (_EXAMPLE, HIDDEN)
    ):
        line = text.find("\n", start)
        at = text.rfind("@", end, line if line >= 0 else len(text))
        if at >= 0:
            return _space(text, at)
    return end


def _space(text: str, start: int) -> int:
    space = re.compile(r"\s").search(text, start)
    return space.start() if space else len(text)


def _head(rest: str) -> str:
    """Return what stands before the path."""
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def _without_bare(text: str) -> str:
    without_users = re.sub(r"\S+", lambda word: _without_user(word[0]), text)
    return _BARE_KEY.sub(lambda match: (match[1] or match[2]) + HIDDEN, without_users)


def _without_user(word: str) -> str:
    """Return `user:password@host` without user and password, and any other word as it is."""
    before, at, host = word.rpartition("@")
    user, colon, password = before.partition(":")
    if not at or not colon or password.startswith("/") or not re.match(r"[\w\[]", host):
        return word
    name = _BARE_USER.search(user)
    return f"{user[: name.start()] if name else ''}{HIDDEN}@{host}"


def _shown(schemes: str, rest: str) -> str:
    """Return the harmless part of what follows the slashes of a URL."""
    scheme = schemes.rstrip("/").removesuffix(":").rpartition(":")[2].lower()
    names_host = scheme == "file" and schemes.endswith("://") and not schemes.endswith(":///")
    return rest if scheme in _LOCAL and not names_host else _remote(rest)


def _remote(rest: str) -> str:
    head = _head(rest)
    if "@" in rest[len(head) :]:  # a password with / ? # in it, or an @ in the path
        before, _, after = rest.rpartition("@")
        shown = HIDDEN if re.search(r"[?#]", before) else _remote(after)
        return HIDDEN if shown == HIDDEN else f"{HIDDEN}@{shown}"
    user, _, host = head.rpartition("@")
    if not HOST.fullmatch(host) and head != _EXAMPLE:
        return HIDDEN
    tail, hash_, _ = rest[len(head) :].partition("#")
    path, question, query = tail.partition("?")
    shown = host + _path(path)
    if question:
        shown += "?" + re.sub(r"[^&;]+", lambda pair: _pair(pair[0]), query)
    return (f"{HIDDEN}@" if user == HIDDEN else "") + shown + (f"#{HIDDEN}" if hash_ else "")


def _path(path: str) -> str:
    shown, before = [], ""
    for segment in path.split("/"):
        shown.append(_segment(segment) if not _SECRET_WORD.search(before) else HIDDEN)
        before = segment
    return "/".join(shown)


def _segment(segment: str) -> str:
    """Return a part of a path if it consists of plain words and harmless keys."""
    word, semicolon, options = segment.partition(";")
    if not _is_harmless(word) and _pair(word) != word:
        return HIDDEN
    if not semicolon:
        return word
    return word + ";" + re.sub(r"[^;&,]+", lambda pair: _pair(pair[0]), options)


def _is_harmless(word: str) -> bool:
    plain = unquote(word)
    secret = _SECRET_WORD.search(plain)
    if len(word) > MAX_WORD:
        return False
    if secret and secret[0] != plain:  # the secret itself may follow, as in password_1234
        return False
    return _WORD.fullmatch(plain) is not None and not _RANDOM.search(plain)


def _pair(pair: str) -> str:
    """Return `key=value` without the value, unless it is harmless; of unknown keys nothing."""
    key, equals, value = pair.partition("=")
    if _SHOWN_KEY.fullmatch(key) and _VALUE.fullmatch(value):
        return pair
    return f"{key}={HIDDEN}" if value.strip("=") and equals and _KEY.fullmatch(key) else HIDDEN
