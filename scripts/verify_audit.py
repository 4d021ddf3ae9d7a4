#!/usr/bin/env python3
"""Verify a file of `tidegate audit export`, offline:

    python verify_audit.py FILE --key witness.pem --service S --from T --to T

Needs Python 3.11, the package `cryptography`, and the witness's public key from a place that you trust. Proved are:
1. the rows are as they were written, each in its place, none missing between the first and the last (hash chain);
2. the chain is the one that the witness signed: each head is signed, follows the one before, and names its row;
3. the range that you ask for is whole: the chain begins at row 1 or at a row signed before the range, and goes on to a
   row signed at or after its end. Without --from and --to the file's own words for the range are believed.

Exit codes: 0 all of that; 1 something does not verify, the first bad row is named; 2 usage, also a file or key that
cannot be read; 3 it verifies, but nobody
has signed the end of the range, so its newest rows could have been cut off: export again in five minutes.
Not proved: that what a row says is true, and that the witness's key was kept from those who write the journal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Record = dict[str, Any]
HASHED = ("actor", "at", "body", "epoch", "kind", "lease", "operation", "seq", "service", "version")  # in this order


def bad(what: str) -> NoReturn:
    sys.exit(f"DOES NOT VERIFY  {what}")  # exit code 1


def usage(what: str) -> NoReturn:
    print(what, file=sys.stderr)
    sys.exit(2)


def trusted_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        usage(f"the key {path} cannot be read: {error.strerror}")
    except (ValueError, UnsupportedAlgorithm):
        usage(f"{path} is no public key in PEM; --key takes the witness's, witness.pem")
    if not isinstance(key, Ed25519PublicKey):
        usage(f"{path} is no ed25519 key; --key takes the witness's, witness.pem")
    return key


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        usage(f"the file {path} cannot be read: {error.strerror}")


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def row_hash(row: Record) -> str:
    """SHA-256 of the previous row's hash and this row's canonical JSON; body and lease are kept as canonical texts."""
    texts = {name: canonical(row[name]) for name in HASHED} | {"body": row["body"], "lease": row["lease"] or "null"}
    if not isinstance(json.loads(texts["body"]), dict) or type(row["epoch"]) is not int:
        raise ValueError("not a row")
    content = ",".join(f'"{name}":{texts[name]}' for name in HASHED)
    return hashlib.sha256(f"{row['prev_hash']}{{{content}}}".encode()).hexdigest()


def check_rows(rows: list[Record], service: str) -> None:
    seq, last, epoch = rows[0]["seq"] - 1, rows[0]["prev_hash"] if rows[0]["seq"] > 1 else "0" * 64, 0
    for row in rows:
        if row["seq"] != seq + 1:
            bad(f"row {seq + 1}: missing, after row {seq} comes row {row['seq']}")
        if row["hash"] != row_hash(row) or row["service"] != service:
            bad(f"row {row['seq']}: changed, its content does not have its hash")
        if row["prev_hash"] != last or row["epoch"] < epoch:
            bad(f"row {row['seq']}: it does not follow row {seq}")
        seq, last, epoch = row["seq"], row["hash"], row["epoch"]


def check_heads(lines: list[str], rows: list[Record], service: str, key: Any) -> list[Record]:
    hashes, previous, heads = {row["seq"]: row["hash"] for row in rows}, None, []
    for line in lines:
        head = json.loads(line)
        content = canonical({name: value for name, value in head.items() if name != "signature"})
        try:
            key.verify(bytes.fromhex(head["signature"]), f"tidegate-witness-v1\n{content}".encode())
        except (InvalidSignature, ValueError):
            bad(f"head of row {head['seq']}: forged, it is not signed with this key")
        if head["service"] != service or (previous is not None and head["previous"] != previous):
            bad(f"head of row {head['seq']}: it does not follow the head before it, one is missing or of elsewhere")
        if head["seq"] not in hashes:
            bad(f"row {head['seq']}: missing, its head was signed")
        if head["hash"] != hashes[head["seq"]]:
            bad(f"row {head['seq']}: rewritten, it is not the row whose head was signed")
        previous = hashlib.sha256(line.encode()).hexdigest()
        heads.append(head)
    return heads


def check_range(about: Record, rows: list[Record], heads: list[Record]) -> tuple[int, bool]:
    """The newest row that is vouched for, and whether the end of the range is."""
    first, last = rows[0]["seq"], rows[-1]["seq"]
    if first > 1 and not any(head["seq"] == first and head["at"] < about["from"] for head in heads):
        bad(f"row {first - 1}: missing, row {first} was not signed before the range begins")
    if (about["first_row"], about["last_row"]) != (first, last):
        bad(f"row {last + 1}: missing, the file says that it goes from {about['first_row']} to {about['last_row']}")
    vouched = max((head["seq"] for head in heads), default=0)
    whole = any(head["at"] >= about["to"] for head in heads)
    if whole and last > vouched:
        bad(f"row {vouched + 1}: put in, it is newer than what was signed after the end of the range")
    return vouched, whole


def verify(text: str, key: Any, asked: Record) -> tuple[Record, int, int, bool]:
    lines = text.split("\n")[:-1]
    about, *records, end = (json.loads(line) for line in lines)
    if about["type"] != "about" or about["format"] != 1 or end["type"] != "end":
        bad("the file is torn, or of a format that this script does not know")
    for name, wanted in asked.items():
        if wanted is not None and about[name] != wanted:
            bad(f"the file is about another {name}: {about[name]}; you asked for {wanted}")
    rows = [record for record in records if record["type"] == "row"]
    if rows:
        check_rows(rows, about["service"])
    signed = [line for line, record in zip(lines[1:], records, strict=False) if record["type"] == "head"]
    heads = check_heads(signed, rows, about["service"], key)
    vouched, whole = check_range(about, rows, heads) if rows else (0, False)
    for alarm in (record for record in records if record["type"] == "alarm"):
        bad(f"row {alarm.get('seq')}: the witness raised an alarm: {alarm.get('what')}")
    if end["sha256"] != hashlib.sha256("".join(f"{line}\n" for line in lines[:-1]).encode()).hexdigest():
        bad("the file is not as it was exported, by its own checksum")
    return about, len(rows), vouched, whole


def seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--service")
    parser.add_argument("--from", type=seconds, metavar="T", help="ISO 8601; UTC where no zone is given")
    parser.add_argument("--to", type=seconds, metavar="T")
    given = vars(parser.parse_args())
    asked = {name: given[name] for name in ("service", "from", "to")}
    key, text = trusted_key(given["key"]), content(given["file"])
    try:
        about, count, vouched, whole = verify(text.decode("utf-8"), key, asked)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        bad(f"the file is no export: {type(error).__name__}: {error}")
    believed = "" if None not in asked.values() else " (by the file's own words: give --service, --from and --to)"
    print(f"{about['service']}: {count} rows verify, signed up to row {vouched}{believed}")
    print("the range is whole" if whole else f"NOT VOUCHED FOR: what follows row {vouched} is signed by nobody yet")
    return 0 if whole else 3


if __name__ == "__main__":
    sys.exit(main())
