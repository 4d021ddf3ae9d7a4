"""How weights are written in node ids."""

from __future__ import annotations


def percent(basis_points: int) -> str:
    """2500 -> ``25``, 50 -> ``0_5``: a percentage that is legal in a task id."""
    whole, rest = divmod(basis_points, 100)
    return str(whole) if not rest else f"{whole}_{rest:02d}".rstrip("0")
