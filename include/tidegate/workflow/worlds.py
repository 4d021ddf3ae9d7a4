"""A service's world inside Airflow's processes: the same assembly as everywhere, with Airflow's connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from tidegate.drivers.credentials import Credential, connection_name
from tidegate.engine.assemble import assemble, on_paper
from tidegate.engine.world import World
from tidegate.errors import Refused, Unreachable
from tidegate.policy.folder import load_folder
from tidegate.policy.load import Loaded
from tidegate.policy.places import policy_folder, snapshots
from tidegate.policy.schema import Policy
from tidegate.workflow import vault

_prepared: dict[str, World] = {}


def world_of(loaded: Loaded) -> World:
    """The world of the policy that a DAG was built from."""
    prepared = _prepared.get(loaded.policy.service)
    return prepared or assemble(loaded.policy, loaded.digest, resolve=from_airflow, vault=vault.from_airflow)


def world_for(service: str) -> World:
    """The world of a service by its name, for triggers: they carry ids only. Raises :class:`Refused`."""
    return _prepared.get(service) or world_of(_find(service))


def paper_world(service: str) -> World:
    """As :func:`world_for`, for what takes the journal alone: no connection has to be there."""
    return _prepared.get(service) or paper_world_of(_find(service))


def paper_world_of(loaded: Loaded) -> World:
    """As :func:`world_of`, for what takes the journal alone: no connection has to be there."""
    return _prepared.get(loaded.policy.service) or on_paper(loaded.policy, loaded.digest)


def policy_of(service: str) -> Policy:
    """The service's policy as it is now, looked up anew if a file has changed. Raises :class:`Refused`."""
    return _prepared[service].policy if service in _prepared else _find(service).policy


def known_policies() -> tuple[Loaded, ...]:
    """Every service's policy as it is now, broken files by their last good state."""
    return _policies(_stamps(policy_folder()))


def _find(service: str) -> Loaded:
    found = known_policies()
    for loaded in found:
        if loaded.policy.service == service:
            return loaded
    known = ", ".join(loaded.policy.service for loaded in found) or "none"
    raise Refused(f"there is no policy for the service {service!r} in {policy_folder()}", next_step=f"known: {known}")


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file does: a page that refreshes itself shall not parse every policy each time."""
    try:
        found = [(path, path.stat()) for path in sorted(folder.iterdir())]
    except OSError:
        return ()
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in found)


@lru_cache(maxsize=1)
def _policies(stamps: tuple[tuple[str, int, int], ...]) -> tuple[Loaded, ...]:
    return load_folder(policy_folder(), snapshots(), record=False).policies


@contextmanager
def prepared(world: World) -> Iterator[None]:
    """Inside this block the world's service is this world: rehearsals and tests run real DAGs on their own drivers."""
    _prepared[world.service] = world
    try:
        yield
    finally:
        del _prepared[world.service]


def from_airflow(reference: str) -> Credential:
    """Resolve ``conn://name`` through Airflow: environment, secrets backend or metadata database.

    Raises :class:`Refused` if Airflow has no such connection, ``Unreachable`` if it could not say.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    name = connection_name(reference)
    try:
        found = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        raise Refused(
            f"connection {name!r} is not defined",
            next_step=f"define it in Airflow's secrets backend, or set AIRFLOW_CONN_{name.upper()}",
        ) from None
    except AirflowRuntimeError as error:
        raise Unreachable(f"Airflow could not say what connection {name!r} is: {error}") from error
    return Credential(
        name=name,
        scheme=found.conn_type or "",
        host=found.host or "",
        port=found.port,
        login=found.login,
        password=found.password,
        path=found.schema or "",
        extra=found.extra_dejson,
    )
