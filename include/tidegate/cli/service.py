"""From a service's name on the command line to its policy and world. Needs no Airflow."""

from __future__ import annotations

import difflib
from typing import Any

from tidegate.drivers import registry
from tidegate.drivers.site import Site
from tidegate.engine.assemble import assemble, on_paper
from tidegate.engine.preview_arm import of_previews
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.model.operation import service_of
from tidegate.policy import places
from tidegate.policy.folder import load_folder
from tidegate.policy.load import Loaded


def find_policy(service: str) -> Loaded:
    """The service's policy; of a broken one, its last good state. Raises :class:`Refused` with the likely name."""
    found = load_folder(places.policy_folder(), places.snapshots(), record=False)
    loaded = {p.policy.service: p for p in found.policies}
    if service not in loaded:
        near = difflib.get_close_matches(service, loaded, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"services: {', '.join(sorted(loaded)) or 'none'}"
        raise Refused(f"there is no policy for service {service!r} in {places.policy_folder()}", next_step=hint)
    return loaded[service]


def find_world(service: str) -> World:
    """The service's world: its policy, its drivers, the journal; by the name of its previews' chain, for those."""
    found = find_policy(service_of(service))
    world = assemble(found.policy, found.digest)
    return world if service == service_of(service) else of_previews(world)


def find_paper(service: str) -> World:
    """As :func:`find_world`, for what takes the journal alone: no connection has to be there."""
    found = find_policy(service)
    world = on_paper(found.policy, found.digest)
    world.journal.migrate()
    return world


def find_artifacts(service: str) -> Any:
    """The service's artifacts driver alone: publishing needs neither the estate nor the journal."""
    policy = find_policy(service).policy
    site = Site(policy.service, policy.shares, policy.endpoint_classes, places.home())
    return registry.connect("artifacts", policy.drivers.artifacts.model_dump(), site)
