"""Those who see what is behind a flag against those who do not: the same judge, on the same requests under other names.

Which customers see it was decided by a coin of the flags' source, as the router's coin decides which session goes to
the candidate. So a request by somebody who sees it is relabelled as the candidate's, one by somebody who does not as
the stable arm's, and the weight is the part of the customers who were shown it when this request was decided. Requests
in which the flag had no say are left out. With several flags each has a judge and an equal part of α of its own, so
that only the guilty one need go back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tidegate.judge.fold import Judge
from tidegate.judge.settings import JudgeSettings
from tidegate.model.observation import Batch, Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

Shares = tuple[tuple[str, int], ...]  # region and its basis points of all traffic, in routing order


def relabelled(batch: Batch, key: str, stable: Slot, shares: Shares) -> Batch:
    """The batch as it looks from the flag. Pure."""
    seen = (relabel(observation, key, stable, shares) for observation in batch.observations)
    return replace(batch, observations=tuple(observation for observation in seen if observation is not None))


def not_shown(batch: Batch, keys: Sequence[str]) -> Batch:
    """Without the requests of those who were shown what is behind one of ``keys``: what they meet says something of the
    flag, and is judged there. Pure."""
    mine = frozenset(keys)
    left = (o for o in batch.observations if not any(flag.on and flag.key in mine for flag in o.flags))
    return replace(batch, observations=tuple(left))


def relabel(observation: Observation, key: str, stable: Slot, shares: Shares) -> Observation | None:
    """None where the flag had no say."""
    flag = next((flag for flag in observation.flags if flag.key == key), None)
    if flag is None or observation.arm is None:
        return None
    arm = Arm(observation.arm.region, stable.other if flag.on else stable)
    return replace(observation, arm=arm, epoch=flag.epoch, split=_split(flag.exposed, stable, shares))


@lru_cache(maxsize=256)
def _split(exposed: int, stable: Slot, shares: Shares) -> Split:
    return canary_split(dict(shares), stable, dict.fromkeys(dict(shares), exposed))


class ExposureJudges:
    """One judge for each flag that an operation opens. ``settings``: of the release; ``alpha``: for all flags."""

    def __init__(
        self, settings: JudgeSettings, alpha: float, shares: Mapping[str, int], saved: Mapping[str, str] | None = None
    ) -> None:
        self._settings, self._alpha = settings, alpha
        self._shares: Shares = tuple(shares.items())
        self._judges = {key: Judge.load(text) for key, text in (saved or {}).items()}

    def watch(self, keys: Sequence[str]) -> None:
        """Judge these flags from now on, if none were judged before."""
        if self._judges or not keys:
            return
        mine = replace(self._settings, alpha=self._alpha / len(keys), service=None, business=None)
        self._judges = {key: Judge(mine) for key in keys}

    def hear(self, batch: Batch) -> None:
        for key, judge in self._judges.items():
            judge.observe_all(relabelled(batch, key, self._settings.stable_slot, self._shares))

    def documents(self, now: float) -> dict[str, dict[str, Any]]:
        """The evidence document of each flag; none before any is judged."""
        return {key: judge.document(now) for key, judge in self._judges.items()}

    def dump(self) -> dict[str, str]:
        """Checkpoints, by flag."""
        return {key: judge.dump() for key, judge in self._judges.items()}
