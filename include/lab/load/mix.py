"""What users ask for, how often, and how fast: as they have it themselves, or as a policy says of its traffic."""

from __future__ import annotations

from collections.abc import Mapping

WAIT = (0.5, 1.7)  # seconds between two requests of a user: 150 users give about 130 requests/s
MIX = {"checkout": 0.34, "products": 0.27, "cart": 0.2345, "home": 0.08, "order": 0.07, "receipt": 0.0055}
CLASSES = {"checkout": "checkout", "receipt": "receipt"}  # as the policy names them; the rest is browsing
BROWSE = "browse"


def weights(mix: Mapping[str, float]) -> dict[str, float]:
    """How often each thing is done where the policy's classes have these parts of all requests; as :data:`MIX` if it
    is empty. Raises ``ValueError`` for a class that users of this shop have not."""
    if not mix:
        return dict(MIX)
    class_of = {task: CLASSES.get(task, BROWSE) for task in MIX}
    if strangers := sorted(set(mix) - set(class_of.values())):
        raise ValueError(f"no user here asks for {', '.join(strangers)}: {', '.join(sorted(set(class_of.values())))}")
    whole = {name: sum(MIX[task] for task in MIX if class_of[task] == name) for name in mix}
    return {task: MIX[task] / whole[name] * mix[name] for task, name in class_of.items() if mix.get(name)}


def pauses(rate: float, users: int) -> tuple[float, float]:
    """Seconds between two requests of a user, so that all of them make ``rate`` in a second; their own if it is 0."""
    if not rate:
        return WAIT
    mean = users / rate
    return mean * WAIT[0] * 2 / sum(WAIT), mean * WAIT[1] * 2 / sum(WAIT)
