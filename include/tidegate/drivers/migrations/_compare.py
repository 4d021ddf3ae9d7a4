"""Two pictures of a database: what differs, and what that says about a revision. Pure, but for :func:`rejected`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tidegate.drivers.migrations._picture import Picture
from tidegate.errors import Rejected
from tidegate.model.migration import Reversible, RevisionProof

_MOST = 40  # lines of a difference that are kept


def judge(proof: RevisionProof, before: Picture, after: Picture) -> RevisionProof:
    """What the pictures from before the upgrade and after the downgrade say."""
    differences = lines(before.schema, after.schema)
    if differences:
        return replace(
            proof, reversible=Reversible.NO, differences=differences, why="the schema is not what it was before"
        )
    lost = tuple(dict.fromkeys((*proof.lost, *changed_values(before, after))))
    if lost:
        return replace(proof, reversible=Reversible.LOSSY, lost=lost, why="the schema comes back, values do not")
    return proof


def lines(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
    """``- missing`` and ``+ left behind``; () if only the order differs, as it does when a column is put back last."""
    old, new = (sorted(line.strip().rstrip(",") for line in side) for side in (before, after))
    if old == new:
        return ()
    rest = list(new)
    gone = [line for line in old if not _take(rest, line)]
    found = [*(f"- {line}" for line in gone), *(f"+ {line}" for line in rest)]
    return tuple(found[:_MOST])


def _take(lines: list[str], line: str) -> bool:
    if line in lines:
        lines.remove(line)
        return True
    return False


def added(before: Picture, expanded: Picture) -> tuple[str, ...]:
    """Tables and columns that the upgrade brought: a downgrade takes them away with what was written there."""
    return _more(before, expanded)


def dropped(before: Picture, expanded: Picture) -> tuple[str, ...]:
    """Tables and columns that the upgrade dropped."""
    return _more(expanded, before)


def _more(less: Picture, more: Picture) -> tuple[str, ...]:
    found: list[str] = []
    for table, rows in more.rows.items():
        if table not in less.rows:
            found.append(_plain(table))
        else:
            found += [f"{_plain(table)}.{c}" for c in rows.columns if c not in less.rows[table].columns]
    return tuple(found)


def changed_values(before: Picture, after: Picture) -> tuple[str, ...]:
    """Tables and columns whose values are not as before, where the schema is."""
    found: list[str] = []
    for table, old in before.rows.items():
        new = after.rows.get(table)
        if new is None or new.whole == old.whole:
            continue
        columns = [c for c, value in old.columns.items() if new.columns.get(c) != value]
        if new.count != old.count:
            found.append(f"{_plain(table)}: {old.count} rows before, {new.count} after")
        else:
            found += [f"{_plain(table)}.{c}: values" for c in columns] or [
                f"{_plain(table)}: which row has which value"
            ]
    return tuple(found)


def _plain(table: str) -> str:
    return table.removeprefix("public.")


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    inner = getattr(error, "orig", None) or error
    text = str(inner).strip()
    return f"{type(inner).__name__}: {text.splitlines()[0]}" if text else type(inner).__name__


@contextmanager
def rejected(what: str) -> Iterator[None]:
    """Whatever a revision raises becomes ``Rejected`` with ``what``."""
    from tidegate.errors import TidegateError

    try:
        yield
    except TidegateError:
        raise
    except Exception as error:
        raise Rejected(f"{what}: {first_line(error)}") from error
