"""Ray is imported in one place, late, with its token; without it each message is one line."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from detector.errors import UsageError
from pipeline.cluster.ray_module import load_ray, show_gpus
from pipeline.cluster.sealed import Sealed
from tests.support.environment import PASSWORD
from tests.support.paths import ROOT

PACKAGES = ("detector", "trackers", "pipeline", "trainer", "benchmarks")
WITHOUT_RAY = (
    "import sys; sys.modules['ray'] = None; from pipeline.commands.framelane import main; main()"
)
IMPORTED = "import sys; {}; print('ray' in sys.modules)"


def imports_ray(path: Path) -> bool:
    return any(
        (isinstance(node, ast.Import) and any(n.name.split(".")[0] == "ray" for n in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ray")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_one_module_imports_ray() -> None:
    found = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if imports_ray(path)
    ]
    assert found == ["pipeline/cluster/ray_module.py"]


@pytest.mark.parametrize(
    "module", ["cluster.ray_cluster", "cluster.ray_executor", "commands.fleet_start"]
)
def test_no_module_imports_ray_before_it_is_needed(module: str) -> None:
    code = IMPORTED.format(f"import pipeline.{module}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("command", ["fleet site.yaml", "annotate site.yaml --cluster auto"])
def test_without_ray_a_line_says_what_to_install(command: str, tmp_path: Path) -> None:
    site = {"sources": ["rtsp://127.0.0.1:9/1"], "outputs": []}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    line = [sys.executable, "-c", WITHOUT_RAY, *command.split()]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "Error: a cluster needs Ray: pip install 'framelane[cluster]'\n"


def test_a_cluster_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(UsageError, match="RAY_AUTH_MODE: 'disabled' given"):
        load_ray()


def test_gpus_that_ray_hides_are_shown_and_a_choice_of_the_user_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    show_gpus()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    show_gpus()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_a_sealed_message_shows_nothing_and_arrives() -> None:
    sealed = Sealed({"password": PASSWORD})
    assert PASSWORD not in f"{sealed} {sealed!r} {[sealed]}"
    assert pickle.loads(pickle.dumps(sealed)).open() == {"password": PASSWORD}
