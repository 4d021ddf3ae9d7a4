"""The break-glass bundle of a service: what somebody needs who has nothing of Airflow, of the journal, of a region.

The same inputs are the same bytes. It holds names of connections, never what they resolve to.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate import __version__
from tidegate.drivers.credentials import SCHEME, connection_name
from tidegate.engine.brakes import BRAKE_KINDS
from tidegate.engine.facts import FACT_KINDS
from tidegate.engine.readiness_bundle import MANIFEST, bundle_file
from tidegate.engine.signatures import keys_of
from tidegate.errors import Refused
from tidegate.journal.headstore import HEADS, PUBLIC_KEY, DirectoryStore
from tidegate.journal.model import Event
from tidegate.journal.store import Journal
from tidegate.model.canonical import canonical
from tidegate.plan.begun import plans_of
from tidegate.plan.describe import lines
from tidegate.plan.model import Plan
from tidegate.policy.load import Loaded
from tidegate.policy.schema import Policy
from tidegate.report import runbook as by_kind
from tidegate.report.glass_runbook import runbook
from tidegate.report.runbook_page import runbook_html
from tidegate.report.runbook_past import KindPast, past
from tidegate.report.runbook_text import markdown, notes_of

FACTS, HEAD, RUNBOOKS = "journal/facts.jsonl", "journal/head.json", "runbooks"
_ENV = """# . ./env.sh in the folder in which the bundle was unpacked. Connections and the journal: see RUNBOOK.md.
TIDEGATE_POLICIES="$PWD/policy"
export TIDEGATE_POLICIES
"""


def contents(loaded: Loaded, journal: Journal, home: Path, heads: Path | None) -> dict[str, bytes]:
    """The bundle's files by name. ``heads``: the store of signed heads, if there is one."""
    policy, plans = loaded.policy, plans_of(loaded.policy, loaded.digest)
    uses = connections(policy)
    files = {f"policy/{policy.service}.yaml": loaded.source.encode(), "env.sh": _ENV.encode()}
    for kind, plan in plans.items():
        files[f"plans/{kind}.json"] = canonical({**plan.to_json(), "digest": plan.digest}) + b"\n"
        files[f"plans/{kind}.txt"] = ("\n".join(lines(plan)) + "\n").encode()
    files["connections.json"] = _json(uses)
    files["keys/people.json"] = _json(dict(keys_of(policy)))
    files |= {f"keys/{name}": content for name, content in _release_keys(policy, home)}
    files |= _of_journal(policy.service, journal, heads)
    files["RUNBOOK.md"] = runbook(policy, plans, [use["variable"] for use in uses]).encode()
    files |= dict(_runbooks(policy, plans, journal, home))
    files[MANIFEST] = _json(_manifest(loaded, plans, files))
    return files


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz with these files in order of their names, of nobody and of no time."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    out = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", mtime=0) as compressed:
        compressed.write(plain.getvalue())
    return out.getvalue()


def write(data: bytes, file: Path) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(file)


def refresh(loaded: Loaded, journal: Journal, home: Path, heads: Path | None) -> str:
    """Make the service's bundle anew where readiness looks for it. Empty, or why it could not be written: then the one
    that is there grows old, and readiness says so."""
    try:
        write(packed(contents(loaded, journal, home, heads)), bundle_file(home, loaded.policy.service))
    except (OSError, Refused) as error:  # the latter: a runbook's notes are damaged
        return f"the break-glass bundle cannot be written: {error}"
    return ""


def signed_heads(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The store of signed heads, if one is set."""
    found = environment.get("TIDEGATE_HEADS")
    return Path(found) if found else None


def connections(policy: Policy) -> list[dict[str, str]]:
    """Each connection that the drivers name: what for, and which variable holds it. Never what it holds."""
    named: dict[str, list[str]] = {}
    for where, name in _named(policy.drivers.model_dump(mode="json"), ""):
        named.setdefault(name, []).append(where)
    return [
        {"name": name, "for": ", ".join(sorted(named[name])), "variable": f"AIRFLOW_CONN_{name.upper()}"}
        for name in sorted(named)
    ]


def fact_row(event: Event) -> dict[str, Any]:
    """A row of the service's facts, as a bundle keeps it."""
    return {name: value for name, value in asdict(event).items() if name not in ("service", "lease", "version")}


def _manifest(loaded: Loaded, plans: Mapping[str, Plan], files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "format": 1,
        "service": loaded.policy.service,
        "tidegate": __version__,
        "policy_digest": loaded.digest,
        "people": dict(keys_of(loaded.policy)),
        "plans": {kind: plan.digest for kind, plan in plans.items()},
        "head": json.loads(files[HEAD])["head"],
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }


def _of_journal(service: str, journal: Journal, heads: Path | None) -> dict[str, bytes]:
    """Where the chain stands, and the rows that tell what the service is: a local journal can begin from them."""
    head = journal.head(service)  # first: a row that comes meanwhile is one that the head does not promise
    events = journal.events(service, kinds=FACT_KINDS | BRAKE_KINDS)
    store = DirectoryStore(heads) if heads else None
    signed = store.lines(f"{HEADS}/{service}")[-1:] if store else []
    known = {"seq": head.seq, "hash": head.hash, "epoch": head.epoch}
    files = {HEAD: _json({"head": known, "signed": json.loads(signed[0]) if signed else None})}
    files[FACTS] = b"".join(canonical(fact_row(event)) + b"\n" for event in events if event.seq <= head.seq)
    if store and (public := store.document(PUBLIC_KEY)):
        files["keys/witness.pem"] = public
    return files


def _release_keys(policy: Policy, home: Path) -> Iterator[tuple[str, bytes]]:
    """The public keys by which releases are verified, where they are files below the service's home."""
    settings = policy.drivers.artifacts.model_dump()
    below = settings.get("public_keys") or (f"{settings['path']}/keys" if settings.get("path") else None)
    for path in sorted((home / below).glob("*.pub.json")) if below else ():
        yield f"releases/{path.name}", path.read_bytes()


def _named(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _named(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, where)
    elif isinstance(value, str) and value.startswith(SCHEME):
        yield where, connection_name(value)


def _runbooks(policy: Policy, plans: Mapping[str, Plan], journal: Journal, home: Path) -> Iterator[tuple[str, bytes]]:
    """One of each kind, with the journal's history. How long ago something was is counted from the journal's newest
    row, so that the same journal is the same bytes. People's notes: of ``runbooks/<service>`` below the home."""
    known, rows = past(journal, policy.service), journal.events(policy.service)
    now = rows[-1].at if rows else 0.0
    for kind, plan in plans.items():
        book = by_kind.runbook(policy, plan, known.get(plan.kind, KindPast()), now)
        kept = home / RUNBOOKS / policy.service / f"{kind}.md"
        notes = notes_of(kept.read_text(), str(kept)) if kept.exists() else ""
        yield f"{RUNBOOKS}/{kind}.md", markdown(book, notes).encode()
        yield f"{RUNBOOKS}/{kind}.html", runbook_html(book, notes).encode()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
