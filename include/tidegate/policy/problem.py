"""What is wrong with a policy, as a rule says it, and how pydantic is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """``at``: keys and indices from the part that the rule was given; ``key``: the key is wrong, not its value."""

    message: str
    at: Loc
    hint: str = ""
    key: bool = False


def enforce(problems: Iterable[Problem]) -> None:
    """Raise what pydantic understands, carrying every problem for whoever knows the lines."""
    found = tuple(problems)
    if found:
        text = "; ".join(p.message for p in found)
        raise PydanticCustomError("tidegate_rules", "{text}", {"text": text, "problems": found})


def repeated(name: str, values: Sequence[str]) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Problem(f"{value!r} stands twice in {name}", (name, index))
