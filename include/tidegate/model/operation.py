"""Operations: one execution of a plan."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum


class OperationKind(StrEnum):
    """Kinds of operation. A second one on a service is refused, or takes the service over by its :attr:`rank`."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    SWITCHOVER = "switchover"
    FAILOVER = "failover"
    REPROTECT = "reprotect"
    DRILL = "drill"
    ADOPTION = "adoption"
    CONTRACT = "contract"
    PREVIEW = "preview"
    WITHDRAWAL = "withdrawal"
    RESTORE = "restore"

    @property
    def rank(self) -> int:
        """Failover > rollback > restore > switchover > promotion > drill. A higher one may take the service over: the
        lower one is aborted and compensated first. Reprotection comes after a failover and yields to all but a
        promotion; an adoption takes one transaction and is never met by another. A preview and its withdrawal meet
        each other only: they have a chain and a lease of their own (:func:`preview_chain`)."""
        return _RANKS.index(self.value)


_RANKS = (
    "preview",
    "withdrawal",
    "drill",
    "adoption",
    "contract",
    "promotion",
    "reprotect",
    "switchover",
    "restore",
    "rollback",
    "failover",
)  # lowest first


class OperationState(StrEnum):
    """Where an operation stands. ``STOPPING``: the traffic is being, or has been, made safe; only the way back runs."""

    RUNNING = "running"
    STOPPING = "stopping"
    HOLDING = "holding"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a closed operation ended."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"  # before any effect
    ADOPTED = "adopted"
    CONTRACTED = "contracted"
    SWITCHED_OVER = "switched_over"
    FAILED_OVER = "failed_over"
    REPROTECTED = "reprotected"
    PREVIEWED = "previewed"
    WITHDRAWN = "withdrawn"
    TURNED_BACK = "turned_back"  # a switchover that ended where it began
    RESTORED = "restored"
    SUPERSEDED = "superseded"  # a failover has taken the service; what is left undone stands in the closing row


def operation_id(service: str, kind: OperationKind, request_id: str) -> str:
    """The id of the operation that this request means: the same request is always the same operation.

    ``request_id`` is what the caller is sure to repeat on a retry: a DAG's ``dag_id`` and ``run_id``, or a UUID.
    """
    digest = hashlib.sha256(f"{service}\n{kind}\n{request_id}".encode()).hexdigest()
    return f"{service}-{kind.value}-{digest[:16]}"


def chain_of(operation: str) -> str | None:
    """The chain that holds an operation of this id, told by the id alone; None for what is no operation's id."""
    found = _OPERATION.fullmatch(operation)
    return found["chain"] if found else None


_OPERATION = re.compile(rf"(?P<chain>[a-z][a-z0-9-]{{0,62}})-({'|'.join(OperationKind)})-[0-9a-f]{{16}}")

MOVING = frozenset({OperationKind.SWITCHOVER, OperationKind.FAILOVER, OperationKind.REPROTECT})
"""Kinds that move the service between regions, or make it ready to be moved again."""

_VERBS = {
    OperationKind.PROMOTION: "promote",
    OperationKind.ROLLBACK: "rollback",
    OperationKind.CONTRACT: "contract",
    OperationKind.SWITCHOVER: "switchover",
    OperationKind.FAILOVER: "failover",
    OperationKind.REPROTECT: "reprotect",
    OperationKind.PREVIEW: "preview",
    OperationKind.WITHDRAWAL: "withdraw",
    OperationKind.RESTORE: "restore",
}


GOOD_END = {
    OperationKind.PROMOTION: Outcome.PROMOTED,
    OperationKind.ROLLBACK: Outcome.ROLLED_BACK,
    OperationKind.CONTRACT: Outcome.CONTRACTED,
    OperationKind.SWITCHOVER: Outcome.SWITCHED_OVER,
    OperationKind.FAILOVER: Outcome.FAILED_OVER,
    OperationKind.REPROTECT: Outcome.REPROTECTED,
    OperationKind.PREVIEW: Outcome.PREVIEWED,
    OperationKind.WITHDRAWAL: Outcome.WITHDRAWN,
    OperationKind.RESTORE: Outcome.RESTORED,
}
"""How an operation ends if all goes as it is meant."""


def dag_id(kind: OperationKind, service: str) -> str:
    """The DAG that carries such operations out in Airflow: ``promote__shop``."""
    return f"{_VERBS[kind]}__{service}"


def kind_of(dag: str) -> OperationKind | None:
    """Inverse of :func:`dag_id`, None for a DAG that carries no operation."""
    word, _, service = dag.partition("__")
    return next((kind for kind, verb in _VERBS.items() if verb == word and service), None)


_PREVIEWS = "--preview"


def preview_chain(service: str) -> str:
    """The chain of a service's previews: events, lease and epoch of their own. So a preview is opened and withdrawn
    whatever else is under way, and fences nobody but older hands on the same preview."""
    return f"{service}{_PREVIEWS}"


_GROUPS = "--group"


def group_chain(group: str) -> str:
    """The chain of a group of services: what it is about to do, and how far it is. No service is called so."""
    return f"{group}{_GROUPS}"


def group_of(chain: str) -> str:
    """Inverse of :func:`group_chain`, empty for any other chain."""
    return chain.removesuffix(_GROUPS) if chain.endswith(_GROUPS) else ""


def group_dag_id(kind: OperationKind, group: str) -> str:
    """The DAG that carries a group's operations: ``failover_group__storefront``. No service's id looks like it."""
    return f"{_VERBS[kind]}_group__{group}"


def service_of(chain: str) -> str:
    """The service that a chain is about: its own name, or that of which it holds the previews."""
    return chain.removesuffix(_PREVIEWS)
