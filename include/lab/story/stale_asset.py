"""A cache before the edge keeps an asset of a release that takes no traffic: the move waits at its last gate and says
so, until a person has purged it."""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from lab.cache import Answer
from lab.deployment import Deployment, sample_policy
from lab.ports import ADDRESS
from lab.story.stage import Stage
from lab.story.variants import ASSET
from lab.third_place import kept
from tidegate.drivers import registry
from tidegate.engine.view import OperationView
from tidegate.plan.consistency import NODE

OTHER = "1.1.0"  # on offer, and in no slot that takes traffic
LOOKED_FOR = 5.0  # seconds in which the gate would have opened if it did not see it
PLACED = "conclude.place"  # the node before it


def put_in(stage: Stage) -> None:
    """As if it had been fetched while that release took traffic."""
    policy = sample_policy()
    site = Deployment(stage.lab.places, stage.lab.env(), policy).site()
    release = registry.connect("artifacts", policy.drivers.artifacts.model_dump(), site).verify(OTHER)
    headers = {"content-type": "text/css", "cache-control": "public, max-age=3600", "x-release-digest": release.digest}
    body = base64.b64encode(f"/* shop {OTHER} */".encode()).decode()
    kept(stage.lab.places).put(ASSET, Answer(200, headers, body, time.time() + 3600))


def waits_for_it(view: OperationView) -> bool:
    """Whether the last gate has had time to look, or has opened."""
    placed = view.node(PLACED).at
    return view.verified(NODE) or (view.verified(PLACED) and placed is not None and time.time() - placed > LOOKED_FOR)


def purge(stage: Stage, view: OperationView) -> None:
    """As a person would. What was found goes into the scenario's row."""
    with closing(http.client.HTTPConnection(ADDRESS, stage.lab.site().ports["cache"], timeout=10)) as connection:
        connection.request("PURGE", ASSET)
        status = connection.getresponse().status
    stage.found["stale_asset"] = {"waited": not view.verified(NODE), "purged": status == http.client.OK}


def complaints(found: Mapping[str, Any] | None) -> Iterator[str]:
    """What is not as it should be. Pure."""
    if found != {"waited": True, "purged": True}:
        yield f"the cached asset of {OTHER}: expected to be waited for, and purged, got {found}"
