"""Which sources may be named through the API: a list of schemes and folders, empty by default."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from pipeline.access.config import ServeConfig
from pipeline.config import SourceConfig
from pipeline.redaction import shown_url
from pipeline.sources import plain_url
from pipeline.web.problem import Problem

OPTIONS = frozenset({"url", "name", "user", "password", "max_age", "transport", "realtime"})


def refuse_forbidden(source: SourceConfig, config: ServeConfig) -> None:
    """Raise Problem unless the configuration allows a source to be named through the API.

    Options that reach FFmpeg or the file system are not accepted from there at all.
    """
    unknown = (source.model_fields_set | (source.model_extra or {}).keys()) - OPTIONS
    if unknown:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{', '.join(sorted(unknown))}: not accepted through the API: give "
            f"{', '.join(sorted(OPTIONS))}, or put the source into the configuration",
        )
    url = plain_url(source.url)
    scheme, remote, _ = url.partition("://")
    allowed = scheme in config.schemes if remote else _is_in_folder(url, config.folders)
    if not allowed:
        accepted = ", ".join([*(f"{each}://" for each in config.schemes), *config.folders])
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"{shown_url(source.url)[:100]}: sources through the API: "
            f"{accepted or 'none'} accepted: change `serve: schemes` or `serve: folders`",
        )


def _is_in_folder(path: str, folders: tuple[str, ...]) -> bool:
    """Return whether `path`, with its links followed, is a file in one of the folders."""
    try:
        real = Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return False  # also `camera:0` and the like, which are no paths
    return real.is_file() and any(real.is_relative_to(Path(each).resolve()) for each in folders)
