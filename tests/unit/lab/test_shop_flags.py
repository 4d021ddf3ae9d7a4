"""The shop asks its flags through OpenFeature; when their source is taken away nothing changes for its users."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.flags import until
from tests.support.shop import answers, release_files, shop_database, shop_process, wait_for
from tidegate.drivers.flags.contract import Because, Setting
from tidegate.drivers.flags.flagd import FlagdFile
from tidegate.drivers.token import Token

pytestmark = pytest.mark.real
WHY = Because("cat", "a test")
HEADER = re.compile(r"new_basket=(on|off);(\d+);(\d+)")
ENDED = Setting(10_000, default=True)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with shop_database() as made:
        yield made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_files(tmp_path_factory.mktemp("files"), "1.6.0")


@pytest.fixture
def source(tmp_path: Path) -> FlagdFile:
    driver = FlagdFile(tmp_path / "flags.json")
    driver.apply({"new_basket": Setting(0)}, Token(1, "op"), WHY)
    return driver


@contextmanager
def shop(files: Path, url: str, source: FlagdFile) -> Iterator[list[httpx.Client]]:
    """Forty customers of a shop that reads ``source``."""
    dials = source.file.with_name("dials.json")
    dials.write_text('{"1.6.0": {"new_basket_failures": 0}}')
    environment = {"SHOP_FLAGS": str(source.file), "SHOP_FAULTS": str(dials)}
    url = url.replace("postgresql+psycopg:", "postgresql:")
    with shop_process(files, url, **environment) as (base, process):
        wait_for(lambda: answers(f"{base}/_health"), "the shop to be healthy", process)
        customers = [httpx.Client(base_url=base) for _ in range(40)]
        for customer in customers:
            customer.get("/")
        yield customers
        for customer in customers:
            customer.close()


def told(customer: httpx.Client) -> tuple[bool, int, int]:
    """What the flag said to this customer: on or off, how many get it, and the exposure's epoch."""
    answer = customer.get("/cart")
    found = HEADER.fullmatch(answer.headers["x-flags"])
    assert found is not None, answer.headers
    return found[1] == "on", int(found[2]), int(found[3])


def who(customers: list[httpx.Client]) -> list[bool]:
    return [told(customer)[0] for customer in customers]


def test_what_was_written_is_what_customers_get_and_the_answer_tells_it(
    files: Path, url: str, source: FlagdFile
) -> None:
    with shop(files, url, source) as customers:
        assert {told(c) for c in customers} == {(False, 0, 1)}
        source.apply({"new_basket": Setting(5000)}, Token(7, "op"), WHY)
        until(lambda: told(customers[0])[2] == 7, "the shop to take the new exposure")
        half = who(customers)
        assert 5 < sum(half) < 35
        assert who(customers) == half, "each customer stays where they are"
        source.apply({"new_basket": Setting(0)}, Token(8, "op"), WHY)
        until(lambda: told(customers[0])[2] == 8, "the shop to take it back")
        assert not any(who(customers))


def test_where_no_flag_had_a_say_the_answer_tells_none(files: Path, url: str, source: FlagdFile) -> None:
    with shop(files, url, source) as customers:
        assert "x-flags" not in customers[0].get("/products").headers
        order = {"key": str(uuid.uuid4()), "quantity": 1, "product": "tea"}
        answer = customers[0].post("/orders", json=order)
        assert (answer.status_code, answer.headers["x-flags"]) == (201, "new_basket=off;0;1")


@pytest.mark.parametrize("setting", [Setting(0), ENDED])
def test_a_source_that_is_taken_away_changes_nothing(
    files: Path, url: str, source: FlagdFile, setting: Setting
) -> None:
    """Deleted, emptied or broken: for who is there, and after a fresh start of the shop."""
    source.apply({"new_basket": setting}, Token(2, "op"), WHY)
    whole = source.file.read_text()
    with shop(files, url, source) as customers:
        for text in (None, "", "{", "{}", '{"flags": {}}'):
            take_away(source, text)
            for _ in range(3):  # forty requests take longer than the provider's reload interval
                assert set(who(customers)) == {setting.default}
            source.file.write_text(whole)
    for text in (None, '{"flags": {}}'):
        take_away(source, text)
        with shop(files, url, source) as customers:
            assert set(who(customers)) == {setting.default}


def test_with_last_good_lost_as_well_the_release_does_as_it_is_built(files: Path, url: str, source: FlagdFile) -> None:
    source.file.unlink()
    source.last_good.unlink()
    with shop(files, url, source) as customers:
        assert {told(c) for c in customers} == {(False, 0, 0)}


def take_away(source: FlagdFile, text: str | None) -> None:
    if text is None:
        source.file.unlink()
    else:
        source.file.write_text(text)
