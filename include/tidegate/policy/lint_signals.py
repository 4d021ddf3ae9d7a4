"""What ``lint`` says of the signals: how soon a rarely used class is seen to fail, and what the watch afterwards costs.
Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tidegate.model.traffic import TOTAL
from tidegate.policy.foresight import Stay
from tidegate.policy.problem import Loc
from tidegate.policy.quantities import duration_text, percent_text, proportion_text
from tidegate.policy.schema import Policy, Traffic
from tidegate.policy.sight import seconds_to_see

RARE = 200  # basis points of all requests: classes with less are told about

Said = tuple[str, str, Loc, str]  # rule, message, place, hint


def lint_signals(policy: Policy) -> Iterator[Said]:
    """Worth knowing, none of it wrong."""
    owned = [name for name, endpoint in policy.endpoints.items() if endpoint.component]
    if rest := [name for name in policy.endpoints if name not in owned] if owned else []:
        message = f"of no component: {', '.join(rest)}; where one of them fails, the whole release goes back"
        hint = "a component's name is known once a release declares it: tidegate release build --component NAME=PATH"
        yield "component-less", message, ("endpoints", rest[0]), hint
    if policy.traffic is not None:
        yield from _rare(policy, policy.traffic)
    watch = policy.promotion.bake.then_watch
    if watch is not None:
        alpha = proportion_text(policy.promotion.alpha)
        message = (
            f"for {duration_text(watch)} after the promotion a good release is rolled back with at most {alpha} more"
        )
        hint = "there is no stable arm then: errors that come from elsewhere count against the release as well"
        yield "watch-alpha", message, ("promotion", "bake", "then_watch"), hint


def _rare(policy: Policy, traffic: Traffic) -> Iterator[Said]:
    """How long a class must fail always until its own signal sees it, by step of the first wave."""
    region = policy.promotion.waves[0]
    share = policy.shares[region] / TOTAL
    for name in policy.judged_endpoints:
        part = traffic.mix.get(name, 0)
        if not 0 < part < RARE:
            continue
        steps = [w for w in policy.promotion.steps if w < TOTAL]
        times = [
            f"{_about(seconds_to_see(policy, traffic, name, 1 - traffic.errors, Stay(region, share, w / TOTAL, 0)))} "
            f"at {percent_text(w)}"
            for w in steps
        ]
        if times:
            message = f"{percent_text(part)} of the requests: if all of them fail, that is seen in {', '.join(times)}"
            hint = "ask for per_endpoint requests of it in a step's evidence to wait for it"
            yield "rare-class", message, ("endpoints", name), hint


def _about(seconds: float) -> str:
    return "no time" if math.isinf(seconds) else f"about {seconds:.0f} s"
