"""The shop's small parts: dials, timing, cookie, digest, parsing."""

from __future__ import annotations

import hashlib
import json
import os
import random
import uuid
from pathlib import Path

import pytest

from lab.shop.app import parse_order
from lab.shop.cookie import new_token, parse_token
from lab.shop.dials import CHECK_EVERY, DialFile, Dials
from lab.shop.digest import digest_of
from lab.shop.timing import browse_seconds, checkout_seconds

KEY = str(uuid.UUID(int=7))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def write(path: Path, **dials: object) -> None:
    path.write_text(json.dumps({"1.2.0": dials, "1.0.0": {"checkout_failures": 0.9}}))


def dial_file(path: Path | None, clock: Clock) -> DialFile:
    return DialFile(path, "1.2.0", Dials(checkout_failures=0.02), clock)


def test_built_in_dials_hold_without_a_file(tmp_path: Path, clock: Clock) -> None:
    assert dial_file(None, clock).current() == Dials(checkout_failures=0.02)
    assert dial_file(tmp_path / "none", clock).current() == Dials(checkout_failures=0.02)


def test_a_file_overrides_its_own_version_only(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "f", slow_tail=3)
    assert dial_file(tmp_path / "f", clock).current() == Dials(checkout_failures=0.02, slow_tail=3.0)


def test_a_change_is_seen_after_a_moment_and_not_before(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "f", checkout_failures=0.5)
    dials = dial_file(tmp_path / "f", clock)
    dials.current()
    write(tmp_path / "f", checkout_failures=0.75)
    clock.now = CHECK_EVERY * 0.9
    assert dials.current().checkout_failures == 0.5
    clock.now = CHECK_EVERY * 1.1
    assert dials.current().checkout_failures == 0.75


def test_a_file_put_back_with_its_old_time_is_seen(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "f"
    write(path, checkout_failures=0.5)
    dials, before = dial_file(path, clock), path.stat()
    dials.current()
    write(tmp_path / "new", checkout_failures=0.7)
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").replace(path)
    clock.now = 1
    assert dials.current().checkout_failures == 0.7


@pytest.mark.parametrize("text", ["", "[]", '{"1.2.0": {"typo": 1}}', '{"1.2.0": {"slow_tail": "x"}}', '{"1.2.0": 3}'])
def test_a_broken_file_keeps_what_was_in_force(tmp_path: Path, clock: Clock, text: str) -> None:
    write(tmp_path / "f", checkout_failures=0.5)
    dials = dial_file(tmp_path / "f", clock)
    dials.current()
    (tmp_path / "f").write_text(text)
    clock.now = 1
    assert dials.current().checkout_failures == 0.5


def test_a_file_taken_away_restores_what_is_built_in(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "f", checkout_failures=0.5)
    dials = dial_file(tmp_path / "f", clock)
    dials.current()
    (tmp_path / "f").unlink()
    clock.now = 1
    assert dials.current().checkout_failures == 0.02


def quantiles(dials: Dials) -> list[float]:
    rng = random.Random(1)
    times = sorted(checkout_seconds(rng, dials) for _ in range(20_000))
    return [times[int(len(times) * q)] for q in (0.5, 0.8, 0.9, 0.99)]


def test_checkouts_take_about_40_ms_and_have_a_tail() -> None:
    median, _, _, p99 = quantiles(Dials())
    assert median == pytest.approx(0.035, rel=0.03)
    assert p99 == pytest.approx(0.035 * 2.85, rel=0.1)  # exp(0.45 · 2.326)


def test_a_slow_tail_leaves_the_rest_alone() -> None:
    healthy, slow = quantiles(Dials()), quantiles(Dials(slow_tail=3.0))
    assert slow[:2] == pytest.approx(healthy[:2], rel=0.02)
    assert slow[2:] == pytest.approx([3 * q for q in healthy[2:]], rel=0.02)


def test_browsing_takes_about_10_ms() -> None:
    rng = random.Random(1)
    times = [browse_seconds(rng) for _ in range(5_000)]
    assert sum(times) / len(times) == pytest.approx(0.0093, rel=0.05)


def test_a_token_survives_the_cookie_and_hides_its_secret() -> None:
    token = new_token()
    assert parse_token(token.value) == token
    assert token.secret not in repr(token) + token.secret_hash
    assert new_token() != token


@pytest.mark.parametrize(
    "value", [None, "", "abc", "a" * 16, f"{'a' * 16}.{'b' * 31}", f"{'A' * 16}.{'b' * 32}", "é.é"]
)
def test_a_malformed_cookie_is_none(value: str | None) -> None:
    assert parse_token(value) is None


def test_the_digest_covers_every_file_but_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.py").write_bytes(b"a")
    (tmp_path / "ü.txt").write_bytes(b"u")
    listed = {"shop/a.py": hashlib.sha256(b"a").hexdigest(), "ü.txt": hashlib.sha256(b"u").hexdigest()}
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expected = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert digest_of(tmp_path) == expected
    (tmp_path / "manifest.json").write_bytes(b"{}")
    assert digest_of(tmp_path) == expected
    (tmp_path / "shop" / "manifest.json").write_bytes(b"{}")
    assert digest_of(tmp_path) != expected, "only the one at the root is left out"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"key": 1}',
        json.dumps({"key": "no uuid", "quantity": 1, "product": "tea"}).encode(),
        json.dumps({"key": KEY, "quantity": 0, "product": "tea"}).encode(),
        json.dumps({"key": KEY, "quantity": 101, "product": "tea"}).encode(),
        json.dumps({"key": KEY, "quantity": True, "product": "tea"}).encode(),
        json.dumps({"key": KEY, "quantity": 1, "product": "nope"}).encode(),
        json.dumps({"key": KEY, "quantity": 1, "product": ["tea"]}).encode(),
    ],
)
def test_a_malformed_order_is_none(body: bytes) -> None:
    assert parse_order(body) is None


def test_an_order_is_read() -> None:
    assert parse_order(json.dumps({"key": KEY, "quantity": 2, "product": "cup"}).encode()) == (KEY, 2, "cup")
