"""Hostile YAML is refused in one line, soon, and no error quotes the file."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from detector.settings import read_yaml
from detector.settings.bounded_yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_SCALAR, load

SECRET = "Xq7vTr3"
BOMB = "\n".join(
    ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    + [
        f"{chr(98 + k)}: &{chr(98 + k)} [" + ",".join("*" + chr(97 + k) for _ in range(10)) + "]"
        for k in range(8)
    ]
)
MERGES = "a: &a {k: v}\n" + "\n".join(
    f"m{k}: &m{k} {{<<: [{', '.join(['*' + ('a' if k == 0 else f'm{k - 1}')] * 10)}]}}"
    for k in range(8)
)


def refusal(folder: Path, content: str | bytes) -> str:
    path = folder / "run.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UsageError) as raised:
        read_yaml(path)
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert raised.value.__cause__ is None  # it would quote the file in a traceback
    return message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, f"more than {MAX_NODES} values"),
        (MERGES, f"more than {MAX_NODES} values"),
        ("sources: &s [*s]", "an alias in line 1 contains itself"),
        ("a:\n  &m\n  <<: *m\n", "an alias in line 3 contains itself"),
        ("&a [&b [*a]]", "an alias in line 1 contains itself"),
        ("a: " + "[" * (MAX_DEPTH + 5), "nested deeper than"),
        ("a: " + "[" * 100_000, "nested deeper than"),
        ("a: " + "{b: " * 100_000, "nested deeper than"),
        ("- " * 5000 + "x", "nested deeper than"),
        ("a: " + "9" * 5000, "a number or date in it cannot be read"),
        ("a: " + "1:" * MAX_SCALAR + "1", "more than"),
        ("a: 2001-99-99", "a number or date in it cannot be read"),
        ("a: 0b_", "a number or date in it cannot be read"),
        ("? [a]\n: b", "unhashable"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: !!binary x", "base64"),
        ("a: \0", "control characters"),
        (b"\xff\xfe\xfd", "no text in UTF-8"),
        (b"a: \xc3", "no text in UTF-8"),
        ("a: 1\n---\nb: 2", "single document"),
        (b"a" * (MAX_BYTES + 1), "larger than 2 MB"),
    ],
)
def test_yaml_that_is_hostile_is_refused_in_one_line(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    assert why in refusal(tmp_path, content)


@pytest.mark.parametrize(
    "line",
    [
        f"- url: rtsp://admin:{SECRET}: x@cam/1",
        f"url: *{SECRET}",
        f"url: !{SECRET} x",
        f"url: '{SECRET}",
        f"url: %{SECRET}",
        f"url: @{SECRET}",
        f'url: "\\{SECRET}"',
        f"url: [{SECRET}",
        f"a: &{SECRET} 1\n{SECRET}\nb: 2",
        f"%TAG !{SECRET} x\n---\na: 1",
        f"url: !{SECRET}!x y",
        f"url: !<{SECRET} y",
        f"password: 0x{SECRET}\n b: 1",
        f"? {{{SECRET}: 1}}\n: b",
        f"!!int {SECRET}: 1",
        f"a: !!float '{SECRET}'",
        f"a: !!timestamp '{SECRET}'",
        f"a: !!bool '{SECRET}'",
        f"- !!int '{SECRET}'",
    ],
)
def test_an_error_of_yaml_quotes_nothing_of_the_file(tmp_path: Path, line: str) -> None:
    message = refusal(tmp_path, line)
    assert "not valid YAML" in message
    assert not any(SECRET[:k] in message for k in range(2, len(SECRET) + 1))


def test_an_error_names_line_and_column_and_signs_of_yaml(tmp_path: Path) -> None:
    message = refusal(tmp_path, "a: [x{y}]\n")
    assert message.endswith(
        "(line 1, column 4), expected ',' or ']', but got '{' (line 1, column 6)"
    )
    message = refusal(tmp_path, "a: 1\nb: x: y\n")
    assert message.endswith("mapping values are not allowed here (line 2, column 5)")


def test_aliases_merges_and_large_lists_of_ordinary_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    names = "\n".join(f"  {k}: class {k}" for k in range(5_000))
    path.write_text(f"a: &a {{x: 1, y: 2}}\nb: {{<<: *a, y: 3}}\nc: [*a, *a]\nnames:\n{names}\n")
    content = read_yaml(path)
    assert content["b"] == {"x": 1, "y": 3}
    assert content["c"] == [content["a"]] * 2
    assert len(content["names"]) == 5_000


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(tmp_path: Path, mark: str) -> None:
    (tmp_path / "run.yaml").write_bytes("name: Süd".encode(mark))
    assert read_yaml(tmp_path / "run.yaml") == {"name": "Süd"}


WORDS = st.sampled_from(
    [
        *("[", "]", "{", "}", ":", ",", "-", "?", "!", "&", "*", "|", ">", "%", "@", "`", "'", '"'),
        *("# ", " ", "\n", "\t", "0", "a", "~", "<", "=", "- ", ": ", "\n  ", "&a ", "*a", "<<: "),
        *("!!int ", "!!binary ", "!!set ", "!!omap ", "---\n", "0x", "1e9", "1:2", ".inf", "? "),
        *("2001-01-01", "${X}"),
    ]
)


@settings(max_examples=300, deadline=timedelta(seconds=5))
@given(parts=st.lists(WORDS, max_size=40), tail=st.binary(max_size=8))
def test_any_text_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], tail: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes("".join(parts).encode() + tail)
    with contextlib.suppress(UsageError):
        load(path)
