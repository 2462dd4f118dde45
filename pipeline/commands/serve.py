"""framelane serve: a run that is watched in a browser.

Its options import nothing slow: `--help` must not wait for numpy or a runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli import Command
from detector.errors import UsageError

if TYPE_CHECKING:
    from pipeline.config import RunConfig

ADDRESS = "127.0.0.1:8080"
YAML = {".yaml", ".yml"}
SCHEMES = ["rtsp", "rtsps"]  # that the page may add cameras of, where only this machine reaches it
STREET = {"url": "synthetic", "name": "street"}


@click.command(cls=Command)
@click.argument("sources", nargs=-1, metavar="[SITE.yaml | SOURCES...]")
@click.option(
    "--address", metavar="HOST:PORT", help=f"Where browsers find the page.  [default: {ADDRESS}]"
)
@click.option(
    "--add-user",
    metavar="NAME",
    help="Ask for a password, print the lines of YAML that let NAME log in, and exit.",
)
@click.option(
    "--role",
    type=click.Choice(["view", "admin"]),
    default="view",
    show_default=True,
    help="With --add-user: view reads, admin also changes.",
)
@click.pass_context
def serve(
    context: click.Context,
    /,
    sources: tuple[str, ...],
    address: str | None,
    add_user: str | None,
    role: str,
) -> None:
    """Show cameras live in a browser, and let it change them (docs/web.md).

    SITE.yaml is a configuration as `framelane run --config` takes it. SOURCES are those of
    `framelane run`. Default: the built-in street.

    Only this machine reaches the page, unless a configuration names users. Without a configuration
    nothing is written, and the page may add RTSP cameras.
    """
    from pipeline.commands.execute import execute
    from pipeline.redaction import redacted_errors

    if add_user is not None:
        click.echo(_user(add_user, role), nl=False)
        return
    with redacted_errors():
        file, config = configured(sources, address)
        context.exit(execute(config, None, file))


def configured(sources: tuple[str, ...], address: str | None) -> tuple[Path | None, RunConfig]:
    """Return the configuration file, if there is one, and the run; raises UsageError."""
    from detector.settings import read_yaml
    from pipeline.config import Flag, load_config

    named = [source for source in sources if Path(source).suffix in YAML]
    if named and len(sources) > 1:
        raise UsageError(f"{named[0]}: a configuration is given alone: put the sources into it")
    file = Path(named[0]) if named else None
    content: dict[str, Any] = read_yaml(file) if file else {}
    flags = []
    if not file:
        flags.append(Flag("SOURCES", ("sources",), list(sources) or [STREET]))
        flags.append(Flag("SOURCES", ("sources", "*", "realtime"), True))
    if "outputs" not in content:
        flags.append(Flag("outputs", ("outputs",), []))
    if not content.keys() & {"serve", "control"}:
        section = {"address": address or ADDRESS, "schemes": [] if file else SCHEMES}
        flags.append(Flag("--address", ("serve",), section))
    elif address:
        flags.append(Flag("--address", ("serve", "address"), address))
    return file, load_config(file, flags)


def _user(name: str, role: str) -> str:
    """Ask for a password twice, and return the lines of the configuration that a user needs."""
    import yaml

    from pipeline.access.passwords import hash_password

    password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    user = {"password": hash_password(password), "role": role}
    return str(yaml.safe_dump({"serve": {"users": {name: user}}}, sort_keys=False))
