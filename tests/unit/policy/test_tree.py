"""YAML as people mean it: text stays as written, and what readers disagree on is refused."""

from __future__ import annotations

import pytest

from tidegate.errors import PolicyErrors
from tidegate.policy.tree import Mark, parse_tree, plain


def value(text: str):
    return plain(parse_tree(f"k: {text}\n", "t.yaml"))["k"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("2026-11-22", "2026-11-22"),
        ("1.2.0", "1.2.0"),
        ("5%", "5%"),
        ("=", "="),
        ("nan", "nan"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("0", 0),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("'010'", "010"),
        ('"1_000"', "1_000"),
        ('"null"', "null"),
        ('""', ""),
        ("[1, two, {three: 3}]", [1, "two", {"three": 3}]),
        ("|\n  two\n  lines", "two\nlines\n"),
        (">\n  one\n  line", "one line\n"),
    ],
)
def test_values(text: str, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


ODD = ["010", "0o17", "0x1f", "0b1", "1_000", "1_0.5", ".5", "5.", ".nan", ".NaN", ".inf", "-.INF", "+.inf", "1e400"]
EMPTY = ["", "null", "~"]
LARGE = ["9007199254740993", "-9007199254740993"]


@pytest.mark.parametrize("text", [*ODD, *EMPTY, *LARGE, "&a x", "*a", "!x y", "!!str 5"])
def test_refused(text: str):
    with pytest.raises(PolicyErrors):
        value(text)


def test_marks_count_characters_from_one():
    tree = parse_tree("é: [ä, 'ö']\nb:\n  ü: x\n", "t.yaml")
    assert tree.items["é"][0] == Mark(1, 1)
    assert [item.mark for item in tree.items["é"][1].items] == [Mark(1, 5), Mark(1, 8)]
    assert tree.items["b"][1].items["ü"][1].mark == Mark(3, 6)


def test_all_that_is_refused_is_told_and_a_syntax_error_ends_it():
    with pytest.raises(PolicyErrors) as caught:
        parse_tree("a: ~\nb: &x 1\nc: ]\nd: 010\n", "t.yaml")
    assert [(e.line, e.message.split()[0]) for e in caught.value.errors] == [(1, "has"), (2, "an"), (3, "is")]


def test_no_more_errors_than_anybody_reads():
    with pytest.raises(PolicyErrors) as caught:
        parse_tree("".join(f"k{n}: ~\n" for n in range(1000)), "t.yaml")
    assert len(caught.value.errors) == 50
