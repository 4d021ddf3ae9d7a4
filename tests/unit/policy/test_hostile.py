"""Every hostile policy is refused, for the reason and at the place that its first line expects, and quickly."""

from __future__ import annotations

import contextlib
import re
import time
import tracemalloc
from pathlib import Path

import pytest

from tests.support.policies import SHOP, SMALL, changed, parsed
from tidegate.errors import PolicyErrors
from tidegate.policy.load import load_policy
from tidegate.policy.source import LIMIT

pytestmark = pytest.mark.timeout(20)

CORPUS = sorted((Path(__file__).parent / "hostile").glob("*.yaml"))
EXPECT = re.compile(r"# expect: (\d+):(\d+) (.+)")


def refused(path: Path) -> PolicyErrors:
    with pytest.raises(PolicyErrors) as caught:
        load_policy(path)
    return caught.value


def told(error: PolicyErrors) -> list[tuple[int, int, str]]:
    return [(e.line, e.column, f"{e.message}; {e.next_step}") for e in error.errors]


def test_the_corpus_is_there():
    assert len(CORPUS) >= 30


def test_what_the_corpus_is_made_from_is_good():
    assert parsed(SMALL).policy.service == "pay"


@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.stem)
def test_refused_with_reason_and_place(path: Path):
    expected = EXPECT.match(path.read_bytes().decode("utf-8", "replace"))
    assert expected, f"{path.name} does not say what it expects"
    line, column, fragment = int(expected[1]), int(expected[2]), expected[3]
    found = told(refused(path))
    assert any((at, across) == (line, column) and fragment in message for at, across, message in found), found


@pytest.mark.parametrize("path", [p for p in CORPUS if "secret" in p.stem], ids=lambda p: p.stem)
def test_a_secret_is_not_repeated(path: Path):
    assert "hunter2" not in str(refused(path))


MADE = {
    "too_large": (b"#" * (LIMIT + 1), 0, 0, "is larger than 256 KiB"),
    "too_large_cut_in_a_letter": ("ä".encode() * LIMIT, 0, 0, "is larger than 256 KiB"),
    "empty": (b"", 1, 1, "is empty"),
    "only_a_comment": (b"# nothing\n", 1, 1, "is empty"),
    "byte_order_mark": (b"\xef\xbb\xbf" + SMALL.encode(), 1, 1, "starts with a byte order mark"),
    "utf_16": (SMALL.encode("utf-16"), 1, 1, "is UTF-16"),
    "utf_16_without_mark": (SMALL.encode("utf-16-le"), 1, 2, "cannot be seen (U+0000)"),
    "latin_1": (changed(("small", "sm\u00e4ll")).encode("latin-1"), 2, 18, "is not UTF-8 (byte 0xe4)"),
    "deep_flow": (b"a: " + b"[" * 20_000, 1, 15, "is nested deeper than 12 levels"),
    "deep_map": (b"{a: " * 20_000, 1, 49, "is nested deeper than 12 levels"),
    "deep_block": ("".join(" " * n + "a:\n" for n in range(600)).encode(), 13, 13, "is nested deeper than 12 levels"),
    "many_values": (b"a: [" + b"1," * 100_000 + b"]", 1, 10_001, "has more than 5000 values"),
    "many_errors": (b"".join(b"k%d: ~\n" % n for n in range(20_000)), 1, 5, "has no value"),
    "many_aliases": (b"a: &a x\n" + b"".join(b"k%d: *a\n" % n for n in range(20_000)), 2, 5, "an alias (*a)"),
    "long_scalar": (b"service: " + b"a" * 250_000, 1, 10, "a text of 250000 characters, 10000 at most"),
    "long_url": (b"".join(b'k%d: "%s"\n' % (n, b"://:" * 2_400) for n in range(25)), 1, 1, "unknown key 'k0'"),
    "long_odd_numbers": (b"".join(b"k%d: 1%sx\n" % (n, b"_" * 9_000) for n in range(25)), 1, 1, "unknown key 'k0'"),
    "many_unknown_keys": (b"".join(b"k%d: 1\n" % n for n in range(2_400)), 1, 1, "unknown key 'k0'"),
    "many_waves": (b"promotion: {waves: [" + b"east," * 4_900 + b"]}", 1, 20, "should have at most 16 items"),
    "long_key": (b"k" * 1000 + b": 1\n", 1, 1, "cannot be a key"),
    "lone_surrogate": (b'service: "\\ud800"\n', 1, 0, "is not YAML"),
}


@pytest.mark.parametrize("name", MADE)
def test_made_ones_are_refused(name: str, tmp_path: Path):
    content, line, column, fragment = MADE[name]
    path = tmp_path / "pay.yaml"
    path.write_bytes(content)
    found = told(refused(path))
    assert any((at, across or column) == (line, across) and fragment in text for at, across, text in found), found[:3]


def cost(path: Path) -> tuple[float, int]:
    """(CPU seconds, bytes at the peak) of loading ``path``; the best of three, since others use the machine."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(PolicyErrors):
            load_policy(path)
        seconds.append(time.process_time() - start)
    tracemalloc.start()
    try:
        with contextlib.suppress(PolicyErrors):
            load_policy(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return min(seconds), peak


@pytest.mark.parametrize("name", MADE)
def test_none_costs_much_more_than_a_good_one(name: str, tmp_path: Path):
    path = tmp_path / "pay.yaml"
    path.write_bytes(MADE[name][0])
    good_seconds, good_peak = cost(SHOP)
    seconds, peak = cost(path)
    assert seconds < 40 * good_seconds + 0.1, f"{seconds:.3f} s, a good policy takes {good_seconds:.3f} s"
    assert peak < 20 * good_peak + 4 * 2**20, f"{peak / 2**20:.1f} MiB, a good policy takes {good_peak / 2**20:.1f} MiB"


@pytest.mark.parametrize("path", [Path("no/such.yaml"), Path("/")])
def test_what_cannot_be_read(path: Path):
    assert "cannot be read" in str(refused(path))
