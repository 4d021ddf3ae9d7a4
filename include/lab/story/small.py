"""One region runs half of what the other one does, and features are on that the service can do without."""

from __future__ import annotations

from lab.deployment import Deployment, sample_policy
from lab.story.stage import Stage
from lab.story.variants import DEGRADED
from tidegate.drivers.flags.contract import Because
from tidegate.drivers.flags.flagd import FlagdFile
from tidegate.drivers.token import Token
from tidegate.model.flags import Setting
from tidegate.model.traffic import TOTAL

STEADY = 10.0  # seconds of users on it: whoever counts them counts over five


def make(stage: Stage, region: str) -> None:
    """Before anything is asked for, in a lab whose slots and flags nobody has written yet."""
    policy = sample_policy()
    deployment = Deployment(stage.lab.places, stage.lab.env(), policy)
    deployment.fill(regions=[region], instances=policy.capacity.instances // 2)
    on = dict.fromkeys(DEGRADED, Setting(TOTAL))
    FlagdFile(stage.lab.places.flags).apply(on, Token(0, "lab"), Because("lab", "they are on"))
    stage.let_pass(STEADY)
