"""The proof: each revision up, down and up again in a scratch database, schema and rows compared in between.

The trunk is the scratch database that goes forward only; each revision is tried in a clone of it, so that what one
leaves behind does not spoil the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tidegate.drivers.migrations import _compare
from tidegate.drivers.migrations._chain import BASE, Chain
from tidegate.drivers.migrations._invented import invent, take_back
from tidegate.drivers.migrations._picture import Camera, Picture
from tidegate.drivers.migrations._sample import copy_rows_only, copy_with_dump, sizes
from tidegate.drivers.migrations._scratch import Scratch, connected, scratch
from tidegate.drivers.migrations._watch import Watch, watched
from tidegate.model.migration import Proof, Reversible, RevisionProof

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """``scratch``, ``source``: SQLAlchemy URLs. ``lower``: a revision, "" for where the source is (``base`` without
    one). ``sample``: rows a table."""

    chain: Chain
    scratch: str
    source: str | None = None
    lower: str = ""
    upper: str = "head"
    sample: int = 1000
    pg_dump: Path | None = None


def prove(request: Request, tell: Tell = lambda _: None) -> Proof:
    """Try every revision of the range. Scratch databases are dropped at the end, after Ctrl-C as well.

    Raises ``Refused`` (range, role), ``Unreachable``, ``Rejected`` (the source cannot be copied, or the chain does not
    come up to the range's lower end)."""
    camera = Camera(request.pg_dump, request.chain.version_table)
    with scratch(request.scratch) as room:
        trunk = room.create("trunk")
        ground = lay(request, room, trunk, camera)
        proofs: list[RevisionProof] = []
        for revision in request.chain.between(ground.at, request.upper):
            tell(revision)
            tried = _with_made_up_rows if request.source is None else _try
            proofs.append(tried(request.chain, room, trunk, camera, revision, ground.rows))
            if proofs[-1].reversible is Reversible.FAILS:
                break
            with room.connect(trunk) as connection:
                request.chain.upgrade(connection, [revision])
    return Proof(tuple(proofs), camera.compares_by, ground.words, ground.left_out)


@dataclass(frozen=True)
class Ground:
    at: str
    rows: Mapping[str, int]
    words: str
    left_out: tuple[str, ...] = ()


def lay(request: Request, room: Scratch, trunk: str, camera: Camera) -> Ground:
    """Bring the trunk to the lower end of the range."""
    lower, chain = request.lower, request.chain
    if request.source is None:
        with room.connect(trunk) as connection:
            _build(chain, connection, lower or BASE)
        return Ground(lower or BASE, {}, "built from base, with rows that were made up")
    with connected(request.source) as source, room.connect(trunk) as target:
        at = chain.current(source)
        rows = sizes(source)
        if camera.pg_dump:
            left_out = copy_with_dump(source, target, camera.pg_dump, request.sample)
            how = "schema copied"
        else:
            _build(chain, target, at)
            left_out = copy_rows_only(source, target, request.sample, chain.version_table)
            how = f"schema built from base to {at}"
        if lower and lower != at:
            chain.upgrade(target, chain.between(at, lower))
        words = f"{how}, up to {request.sample} rows of each table copied from the source at {at}"
        return Ground(lower or at, rows, words, left_out)


def _build(chain: Chain, connection: object, upper: str) -> None:
    from sqlalchemy import Connection

    assert isinstance(connection, Connection)
    if upper != BASE:
        with _compare.rejected(f"{chain.location} does not come up to {upper} from base"):
            chain.upgrade(connection, chain.between(BASE, upper))


def _with_made_up_rows(
    chain: Chain, room: Scratch, trunk: str, camera: Camera, revision: str, rows: Mapping[str, int]
) -> RevisionProof:
    """As :func:`_try`, on rows that were made up; without any if a revision that looks at rows cannot do with those."""
    with room.connect(trunk) as connection:
        invent(connection, chain.version_table)
    proof = _try(chain, room, trunk, camera, revision, rows)
    if proof.reversible is not Reversible.FAILS:
        return proof
    with room.connect(trunk) as connection:
        take_back(connection, chain.version_table)
    note = f"tried on empty tables, since with made-up rows {proof.why}"
    return replace(_try(chain, room, trunk, camera, revision, rows), note=note)


def _try(
    chain: Chain, room: Scratch, trunk: str, camera: Camera, revision: str, rows: Mapping[str, int]
) -> RevisionProof:
    trial = room.create("trial", template=trunk)
    try:
        return _Trial(chain, room, trial, camera, revision, rows).run()
    finally:
        room.drop(trial)


@dataclass(frozen=True)
class _Trial:
    chain: Chain
    room: Scratch
    name: str
    camera: Camera
    revision: str
    rows: Mapping[str, int]

    def run(self) -> RevisionProof:
        summary = (self.chain.one(self.revision).doc or "").strip()
        proof = RevisionProof(self.revision, summary, Reversible.YES)
        before = self._picture()
        up, why = self._move("up")
        proof = replace(proof, locks=tuple(up.locks), blocks=tuple(up.blocks.values()), outside=up.outside)
        if why:
            return replace(proof, reversible=Reversible.FAILS, why=f"the upgrade fails: {why}")
        expanded = self._picture()
        proof = replace(proof, shed=_compare.added(before, expanded), lost=_compare.dropped(before, expanded))
        down, why = self._move("down")
        proof = replace(proof, blocks=(*proof.blocks, *down.blocks.values()), outside=proof.outside or down.outside)
        if why:
            return replace(proof, reversible=Reversible.NO, why=f"the downgrade fails: {why}")
        judged = _compare.judge(proof, before, self._picture())
        return judged if judged.reversible is Reversible.NO else self._again(judged, expanded)

    def _again(self, proof: RevisionProof, expanded: Picture) -> RevisionProof:
        """Up once more: a downgrade that leaves something behind may stand in its way."""
        _, why = self._move("up")
        if why:
            return replace(proof, reversible=Reversible.NO, why=f"the upgrade fails after the downgrade: {why}")
        if left := _compare.lines(expanded.schema, self._picture().schema):
            says = "upgraded again, the schema is not what it was the first time"
            return replace(proof, reversible=Reversible.NO, why=says, differences=left)
        return proof

    def _picture(self) -> Picture:
        with self.room.connect(self.name) as connection:
            return self.camera.take(connection)

    def _move(self, way: str) -> tuple[Watch, str]:
        """Run the revision one way; what was seen, and "" or why it failed."""
        run = self.chain.upgrade if way == "up" else self.chain.downgrade
        with (
            self.room.connect(self.name) as connection,
            watched(connection, self.chain.version_table, self.rows, way) as watch,
        ):
            try:
                run(connection, [self.revision])
            except Exception as error:  # whatever the revision's code raises is its answer
                return watch, _compare.first_line(error)
        return watch, ""
