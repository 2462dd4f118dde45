"""The files, modules, names, links and options that the documentation mentions exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

import detector.__main__
import pipeline.commands.framelane
import pipeline.commands.run
import trackers.__main__
import trainer.__main__
from pipeline.config import load_config
from tests.support.paths import ROOT
from trainer.recipe import Recipe, load_recipe

PACKAGES = ("detector", "trackers", "pipeline", "trainer")
FOLDERS = (*PACKAGES, "benchmarks", "configs", "docker", "docs", "models", "tests", ".ci")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "models/street/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
WRITTEN_BY_THE_READER = {  # the examples of docs/extending.md
    "trackers/overlap.py",
    "pipeline/sinks/counts.py",
    "pipeline/sources/noise.py",
    "detector/engines/centre.py",
}
COMMANDS: dict[tuple[str, ...], click.Command] = {
    ("framelane",): pipeline.commands.framelane.main,
    ("run_pipeline.py",): pipeline.commands.run.run,
    ("-m", "detector"): detector.__main__.main,
    ("-m", "trackers"): trackers.__main__.main,
    ("-m", "trainer"): trainer.__main__.main,
}

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES]
)


@each_page
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    relative = [link for link in links if "://" not in link]
    missing = [link for link in relative if not (page.parent / link).exists()]
    assert missing == []


@each_page
def test_links_to_sections_lead_to_headings(page: Path) -> None:
    missing = []
    for link, section in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            target = page.parent / link if link else page
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            if section not in map(_anchor, headings):
                missing.append(f"{link}#{section}")
    assert missing == []


@each_page
def test_paths_exist(page: Path) -> None:
    folders = "|".join(map(re.escape, FOLDERS))
    pattern = rf"(?<![\w./$}}<>-])((?:{folders})/[\w./-]*\w)(?![\w*{{<$/-])"
    paths = set(re.findall(pattern, page.read_text(encoding="utf-8"))) - WRITTEN_BY_THE_READER
    missing = [path for path in sorted(paths) if not (ROOT / path).exists()]
    assert missing == []


@each_page
def test_names_of_python_files_exist(page: Path) -> None:
    known = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    known |= {path.name for path in ROOT.glob("*.py")}
    known |= {Path(path).name for path in WRITTEN_BY_THE_READER}
    named = set(re.findall(r"`([\w]+\.py)`", page.read_text(encoding="utf-8")))
    assert named - known == set()


@each_page
def test_modules_that_are_run_exist(page: Path) -> None:
    modules = set(re.findall(r"-m ((?:\w+\.)*\w+)", page.read_text(encoding="utf-8")))
    ours = [name for name in modules if name.split(".")[0] in (*PACKAGES, "benchmarks")]
    missing = [
        name
        for name in ours
        if not (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()
        and not (ROOT / name.replace(".", "/") / "__main__.py").is_file()
    ]
    assert missing == []


@each_page
def test_names_that_are_imported_exist(page: Path) -> None:
    packages = "|".join(PACKAGES)
    imports = re.findall(
        rf"^\s*from ((?:{packages})[\w.]*) import (.+)$", page.read_text(encoding="utf-8"), re.M
    )
    missing = []
    for module, names in imports:
        if module.replace(".", "/") + ".py" in WRITTEN_BY_THE_READER:
            continue
        source = _source(module)
        missing += [
            f"{module}.{name}"
            for name in re.findall(r"\w+", names.partition("#")[0])
            if not re.search(rf"^(?:class |def |from .*\b|    )?{name}\b", source, re.M)
        ]
    assert missing == []


@each_page
def test_options_of_our_commands_exist(page: Path) -> None:
    wrong = []
    for line in _command_lines(page):
        words = shlex.split(line.partition(" > ")[0], comments=True)
        found = _command(words)
        if found is None:
            continue
        command, arguments = found
        known = {
            option for parameter in command.params for option in (*parameter.opts, "--help", "-h")
        }
        given = [word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)]
        wrong += [f"{option} in: {line}" for option in given if option not in known]
    assert wrong == []


def test_the_readme_lists_every_command_and_every_extra() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"lists the commands: (.*?)\.\n", text, re.DOTALL)
    named = re.findall(r"`(\w+)`(?:\s\(([^)]*)\))?", listed)
    there = {name: set(re.findall(r"`(\w+)`", inside)) for name, inside in named}
    main = COMMANDS["framelane",]
    assert there == {name: set(_commands(each)) for name, each in _commands(main).items()}
    extras = {*distribution("framelane").metadata.get_all("Provides-Extra", [])}
    assert extras - {"dev", "dist"} <= set(re.findall(r"`([\w-]+)`", text))


def _commands(command: click.Command) -> dict[str, click.Command]:
    """Return the commands inside of a command, by their names."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: each for name, each in found.items() if each}


def test_classes_of_the_architecture_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?:\.\w+)?`", text))
    sources = "\n".join(
        path.read_text(encoding="utf-8") for package in PACKAGES for path in _python_files(package)
    )
    missing = {name for name in named if not re.search(rf"^class {name}\b", sources, re.M)}
    assert missing == set()


def test_the_architecture_lists_every_sub_package() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = {
        path.parent.relative_to(ROOT / package).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    } - {"."}
    assert {folder for folder in folders if f"`{folder}/`" not in text} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_architecture_names_every_tracked_module_or_its_folder(package: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout of the repository")
    modules = [path for path in listed.stdout.splitlines() if path.endswith(".py")]
    assert modules
    rows = _rows_of_the_architecture(package)
    assert {path for path in modules if _unit(path) not in {*rows, "__init__", "__main__"}} == set()
    folder = ROOT / package
    there = {name for name in rows if (folder / name).is_dir() or (folder / f"{name}.py").is_file()}
    assert set(rows) - there == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_row_of_the_architecture_imports_only_rows_above_it(package: str) -> None:
    rows = _rows_of_the_architecture(package)
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for path in _python_files(package)
        if (importer := _unit(path.relative_to(ROOT).as_posix())) in rows
        for imported in re.findall(
            rf"^ *(?:from|import) {package}\.(\w+)", path.read_text(encoding="utf-8"), re.M
        )
        if imported in rows and rows[imported] > rows[importer]
    ]
    assert wrong == []


def test_the_keys_of_recipes_are_all_described() -> None:
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    table = text.partition("## Keys")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.M)
    described = set()
    for row in rows:
        names = re.findall(r"`([.\w]+)`", row)
        section = names[0].partition(".")[0] if "." in names[0] else ""
        described |= {section + name if name.startswith(".") else name for name in names}
    assert described == set(_keys(Recipe))


def test_examples_of_recipes_are_valid(tmp_path: Path) -> None:
    for text in _yaml_blocks("training.md"):
        (tmp_path / "my.yaml").write_text(text, encoding="utf-8")
        load_recipe(tmp_path / "my.yaml")


@pytest.mark.parametrize("page", ["analytics.md", "extending.md", "tracking.md"])
def test_examples_of_configurations_are_valid(page: str, tmp_path: Path) -> None:
    for text in _yaml_blocks(page):
        (tmp_path / "my.yaml").write_text(text, encoding="utf-8")
        load_config(tmp_path / "my.yaml", [])


def _keys(section: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of a section, those of sections in it with a dot."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{key}" for key in _keys(field.annotation))
        else:
            yield name


def _yaml_blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    assert blocks
    return blocks


def _anchor(heading: str) -> str:
    """Return the name of a heading in links, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _rows_of_the_architecture(package: str) -> dict[str, int]:
    """Return the number of the row that names a module or sub-package, by its name."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = text.partition(f"| in `{package}/` | purpose |")[2].partition("\n\n")[0]
    return {
        name: number
        for number, line in enumerate(table.strip().splitlines())
        for name in re.findall(r"`(\w+)(?:/|\.py)`", line.split("|")[1])
    }


def _unit(path: str) -> str:
    """Return the module or sub-package of a package that a file belongs to."""
    return path.split("/")[1].removesuffix(".py")


def _python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _source(module: str) -> str:
    """Return the text of a module; empty if there is none."""
    path = ROOT / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return ""


def _command_lines(page: Path) -> Iterator[str]:
    """Yield the lines of indented blocks, and code between backticks, that run our commands."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    candidates = re.findall(r"^    (.*)$", text, re.M) + re.findall(r"(?<!`)`([^`]+)`(?!`)", text)
    for line in candidates:
        joined = " ".join(line.split())
        if re.search(
            r"(^|[ /])(framelane|run_pipeline\.py|-m (detector|trackers|trainer)) ", joined
        ):
            yield joined


def _command(words: list[str]) -> tuple[click.Command, list[str]] | None:
    """Return the command that a line runs, and what is typed after it."""
    for prefix, group in COMMANDS.items():
        for start in range(len(words)):
            if tuple(words[start : start + len(prefix)]) == prefix:
                return _sub_command(group, words[start + len(prefix) :])
    return None


def _sub_command(command: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    if not isinstance(command, click.Group) or not words or words[0].startswith("-"):
        return command, words
    found = command.get_command(click.Context(command), words[0])
    assert found is not None, f"{command.name} has no command '{words[0]}'"
    return _sub_command(found, words[1:])
