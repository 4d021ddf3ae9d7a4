"""Ports are distinct, free, and below the range of outgoing connections."""

import random
import socket
import tempfile
from pathlib import Path

import pytest

from lab import ports
from tidegate.errors import Refused


def test_every_name_has_a_free_port_of_its_own() -> None:
    chosen = ports.choose()
    numbers = list(chosen.by_name.values())
    assert set(chosen.by_name) == set(ports.names())
    assert len(set(numbers)) == len(numbers), "no port is given twice"
    assert max(numbers) < int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


def test_a_port_in_use_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "shuffle", lambda _: None)  # the lowest free ports, in order
    first = ports.choose()["edge"]
    with socket.create_server((ports.LOOPBACK, first)):
        assert not ports.is_free(first)
        assert first not in ports.choose().by_name.values()


def test_too_few_ports_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_LOWEST", ports._HIGHEST - 3)
    with pytest.raises(Refused, match="free ports"):
        ports.choose()


def test_they_come_back_from_disk_and_their_absence_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    with pytest.raises(Refused, match="no lab is up"):
        ports.load(path)
    chosen = ports.choose()
    chosen.save(path)
    assert ports.load(path) == ports.Ports(dict(chosen.by_name))
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_one_lab_has_chosen_is_given_to_no_other_while_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # a book of this test's own
    monkeypatch.setattr(random, "shuffle", lambda _: None)  # the lowest free ports, in order: the same every time
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    one, two = ports.reserve(first), ports.reserve(second)
    assert not set(one.by_name.values()) & set(two.by_name.values())
    assert ports.reserve(first) == one, "a lab that starts again may have its own"
    second.unlink()
    first.unlink()
    assert ports.reserve(tmp_path / "three.json") == one, "one that is gone holds nothing"


def test_slots_do_not_share_ports() -> None:
    chosen = ports.choose()
    slots = [chosen.slot(region, slot) for region in ("east", "west") for slot in ("a", "b")]
    assert [len(s) for s in slots] == [ports.INSTANCES] * 4
    assert len({p for s in slots for p in s}) == 4 * ports.INSTANCES
