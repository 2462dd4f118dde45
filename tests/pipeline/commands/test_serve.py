"""framelane serve: what it runs, and the lines of YAML that let somebody log in."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from detector.errors import UsageError
from pipeline.access.accounts import Access
from pipeline.access.config import ServeConfig
from pipeline.commands.serve import configured, serve
from tests.support.environment import PASSWORD


def test_without_a_configuration_cameras_are_shown_on_this_machine_and_nothing_is_written() -> None:
    file, config = configured(("rtsp://127.0.0.1:9/1", "clip.mp4"), None)
    assert file is None
    assert [source.url for source in config.sources] == ["rtsp://127.0.0.1:9/1", "clip.mp4"]
    assert all(source.realtime for source in config.sources)
    assert config.outputs == () and config.serve
    assert (config.serve.address, config.serve.schemes) == ("127.0.0.1:8080", ("rtsp", "rtsps"))


def test_without_anything_the_street_is_shown_without_end() -> None:
    _, config = configured((), "127.0.0.1:8181")
    (source,) = config.sources
    assert (source.url, source.max_frames) == ("synthetic", None)
    assert config.serve and config.serve.address == "127.0.0.1:8181"


def test_a_configuration_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("sources: [a.mp4]\noutputs: [a.jsonl]\nserve: {folders: [/srv]}\n")
    file, config = configured((str(path),), "127.0.0.1:8181")
    assert file == path and not config.sources[0].realtime
    assert [output.url for output in config.outputs] == ["a.jsonl"]
    assert config.serve and config.serve.address == "127.0.0.1:8181"
    assert (config.serve.folders, config.serve.schemes) == (("/srv",), ())


def test_a_configuration_without_serve_and_outputs_is_served_and_writes_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("sources: [a.mp4]\n")
    _, config = configured((str(path),), None)
    assert config.outputs == () and config.serve and config.serve.schemes == ()


def test_a_configuration_beside_sources_is_refused() -> None:
    with pytest.raises(UsageError, match=r"site\.yaml: a configuration is given alone"):
        configured(("site.yaml", "a.mp4"), None)


@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
@pytest.mark.parametrize("role", ["view", "admin"])
def test_the_printed_lines_let_somebody_log_in_and_do_not_show_the_password(role: str) -> None:
    command = ["--add-user", "anna: b", "--role", role]
    result = CliRunner().invoke(serve, command, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0 and PASSWORD not in result.output
    access = Access(ServeConfig.model_validate(yaml.safe_load(result.stdout)["serve"]))
    session = access.log_in("anna: b", PASSWORD, "127.0.0.1")
    assert isinstance(session, str)
    identity = access.by_session(session)
    assert identity and (identity.name, identity.role.value) == ("anna: b", role)


def test_passwords_that_differ_are_asked_for_again() -> None:
    result = CliRunner().invoke(serve, ["--add-user", "anna"], input="one\ntwo\nsix\nsix\n")
    assert "do not match" in result.stderr and "scrypt:" in result.stdout
