"""A plan: the ordered stages, steps, gates and approvals that a policy asks for. Values only, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.model.canonical import digest
from tidegate.model.operation import OperationKind


class Reversibility(StrEnum):
    REVERSIBLE = "reversible"
    REVERSIBLE_UNTIL = "reversible_until"
    COMPENSATABLE = "compensatable"
    POINT_OF_NO_RETURN = "point_of_no_return"


class Phase(StrEnum):
    """``FORWARD`` nodes run while the operation is running, ``RETURN`` nodes are the way back."""

    FORWARD = "forward"
    RETURN = "return"


@dataclass(frozen=True)
class Step:
    """One effect, or one record. ``verb`` names a module of :mod:`tidegate.steps`; ``args`` are its JSON arguments,
    with roles (``candidate``, ``wave-1``) and never observed facts. ``approval``: id of the approval it needs,
    if any. ``section``: steps of one section are carried out by one actor, one right after the other
    (:mod:`tidegate.engine.section`)."""

    id: str
    verb: str
    args: Mapping[str, Any] = field(default_factory=dict)
    reversibility: Reversibility = Reversibility.REVERSIBLE
    effect: bool = True
    approval: str | None = None
    section: str = ""


@dataclass(frozen=True)
class Gate:
    """Waits for a verdict. ``kind`` names how it is assessed (:mod:`tidegate.engine.gates`); ``within``: seconds after
    which waiting ends as a failure, never as a pass."""

    id: str
    kind: str
    within: float
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ApprovalNode:
    """``quorum`` of ``people`` say yes within ``within`` seconds, none of them the requester."""

    id: str
    people: tuple[str, ...]
    quorum: int
    within: float


Node = Step | Gate | ApprovalNode


@dataclass(frozen=True)
class Stage:
    """Nodes that run one after the other. ``id`` names a role (``wave-1``), never a region."""

    id: str
    title: str
    phase: Phase
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Plan:
    """Stages in order. Node ids are ``<stage>.<name>`` and unique. The shape depends on the policy alone.

    ``settings``: the policy's numbers that engine and guard need while the plan runs, so that a policy edited in
    mid-operation changes nothing: ``shares``, ``waves``, ``capacity``, ``judge``, ``rollback``.
    """

    service: str
    kind: OperationKind
    policy_digest: str
    settings: Mapping[str, Any]
    stages: tuple[Stage, ...]

    def nodes(self) -> Iterator[tuple[Stage, Node]]:
        for stage in self.stages:
            for node in stage.nodes:
                yield stage, node

    def node(self, node_id: str) -> tuple[Stage, Node]:
        """Raises KeyError naming the id."""
        for stage, node in self.nodes():
            if node.id == node_id:
                return stage, node
        raise KeyError(node_id)

    def to_json(self) -> dict[str, Any]:
        """JSON value; each node carries its ``type``."""
        stages = [
            {
                "id": s.id,
                "title": s.title,
                "phase": s.phase.value,
                "nodes": [_node_json(n) for n in s.nodes],
            }
            for s in self.stages
        ]
        return {
            "service": self.service,
            "kind": self.kind.value,
            "policy_digest": self.policy_digest,
            "settings": dict(self.settings),
            "stages": stages,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """Inverse of :meth:`to_json`."""
        stages = tuple(
            Stage(s["id"], s["title"], Phase(s["phase"]), tuple(_node(n) for n in s["nodes"])) for s in value["stages"]
        )
        return cls(value["service"], OperationKind(value["kind"]), value["policy_digest"], value["settings"], stages)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(self.to_json())


def _node_json(node: Node) -> dict[str, Any]:
    """What came later stands there only where it is used, so that older plans have the digest that they had."""
    value = {"type": type(node).__name__, **asdict(node)}
    if not value.get("section", True):
        del value["section"]
    return value


def _node(value: Mapping[str, Any]) -> Node:
    fields = {k: v for k, v in value.items() if k != "type"}
    if value["type"] == "Step":
        return Step(**{**fields, "reversibility": Reversibility(fields["reversibility"])})
    if value["type"] == "Gate":
        return Gate(**fields)
    return ApprovalNode(**{**fields, "people": tuple(fields["people"])})
