"""Builds the lab's releases: two good ones, two with faults, one tampered with, one too old.

Layout below ``root``: ``index.json``, ``keys/<keyid>.pub.json``, ``<version>/envelope.json``,
``<version>/shop-<version>.tar.gz``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.drivers.artifacts._archive import pack, unpack
from tidegate.drivers.artifacts._manifest import ENVELOPE, INDEX, Details
from tidegate.drivers.artifacts._manifest import build as make
from tidegate.drivers.artifacts._signatures import INDEX_TYPE, RELEASE_TYPE, SigningKey, sign
from tidegate.drivers.artifacts.directory import KEY_SUFFIX
from tidegate.publishing.keys import PRIVATE_SUFFIX, key_from_file, make_key, public_text

SOURCE = Path(__file__).resolve().parent / "shop"
KEY_IDS = ("k1", "k2", "k3")
SIGNERS = {"1.1.0": ("k2", "k3")}  # two of three sign; which two is of no matter
OLDEST_SEQUENCE = 100
SMOKE = ("{python}", "-B", "-m", "shop.smoke")
# No bytecode is read or written: a process runs what its digest says.
COMMAND = ("{python}", "-B", "-X", "pycache_prefix=nowhere", "-m", "shop", "--port", "{port}")


@dataclass(frozen=True)
class Recipe:
    """One release of the lab. ``dials``: arguments of its built-in faults. ``tampered``: changed after signing.
    ``delivery_days``: its configuration; ``receipt_key``: the version of the secret that it takes. ``flags``: those
    that it asks for, and what it does where nothing decides. ``revisions``: of the schema, all that it brings;
    ``contract``: the one of them that takes away what older releases need."""

    version: str
    sequence: int
    wrong: str = "nothing"
    dials: str = ""
    tampered: bool = False
    delivery_days: int = 2
    receipt_key: str = "2"
    flags: tuple[tuple[str, bool], ...] = ()
    revisions: tuple[str, ...] = ("0001",)
    contract: str = ""

    @property
    def schema_revision(self) -> str:
        """The newest of its revisions that is not its contract."""
        return [one for one in self.revisions if one != self.contract][-1]

    def details(self) -> Details:
        configuration = json.dumps({"delivery_days": self.delivery_days}).encode()
        secrets = {"receipt_key": self.receipt_key}
        return Details(
            "shop",
            self.version,
            self.sequence,
            COMMAND,
            schema_revision=self.schema_revision,
            contract_revision=self.contract,
            smoke=SMOKE,
            flags=dict(self.flags),
            configuration=configuration,
            secrets=secrets,
        )


RECIPES = (
    Recipe("1.0.0", 100, delivery_days=3, receipt_key="1"),
    Recipe("1.1.0", 101),
    Recipe("1.2.0", 102, "2 % of checkouts fail", "checkout_failures=0.02"),
    Recipe("1.3.0", 103, "the slowest checkouts take three times as long", "slow_tail=3.0"),
    Recipe("1.4.0", 104, tampered=True),
    Recipe("1.5.0", 99, delivery_days=3, receipt_key="1"),
    Recipe(
        "1.6.0",
        106,
        "the new basket fails 10 % of its calls",
        "new_basket_failures=0.1",
        flags=(("new_basket", False),),
    ),
    Recipe("1.7.0", 107, "from 25 % of the sessions on, 8 % of its checkouts fail", revisions=("0001", "0002")),
    Recipe("1.8.0", 108, "a third of its orders' rows do not say what their events say", "wrong_quantities=0.33"),
    Recipe("1.9.0", 109, "each process fails once it has answered 6,000 requests", "leaks_after=6000"),
    Recipe(
        "2.0.0", 200, "one of its downgrades raises half-way", revisions=("0001", "0002", "0003_notes", "0004_notes")
    ),
    Recipe("2.1.0", 210, revisions=("0001", "0002", "0003_contract"), contract="0003_contract"),
    Recipe("2.2.0", 220, "receipts always fail", "receipt_failures=1.0"),
)


def build(root: Path, keys: Path) -> None:
    """Build every release below ``root``, signed with the private keys below ``keys``, which are made if missing.

    Idempotent: everything is reproducible, and a file is written only if its bytes are not there already.
    """
    signers = {keyid: private_key(keys, keyid) for keyid in KEY_IDS}
    for keyid, key in signers.items():
        _write(root / "keys" / f"{keyid}{KEY_SUFFIX}", public_text(key))
    for recipe in RECIPES:
        chosen = [signers[keyid] for keyid in SIGNERS.get(recipe.version, ("k1", "k2"))]
        for name, content in package(recipe, chosen).items():
            _write(root / recipe.version / name, content)
    index = {"oldest_sequence": OLDEST_SEQUENCE, "vetoed": []}
    _write(root / INDEX, sign(index, INDEX_TYPE, [signers["k1"], signers["k3"]]))


def package(recipe: Recipe, signers: list[SigningKey]) -> dict[str, bytes]:
    """Archive and signed envelope of one release, by file name."""
    files = shop_files(recipe)
    built = make(recipe.details(), files)
    envelope = sign(built.manifest.model_dump(mode="json"), RELEASE_TYPE, signers)
    offered = pack(one_byte_changed(unpack(built.archive))) if recipe.tampered else built.archive
    return {built.manifest.archive_name: offered, ENVELOPE: envelope}


def shop_files(recipe: Recipe) -> dict[str, bytes]:
    """The files of one release: the shop's source, with its version and its faults written in."""
    files = {f"shop/{path.name}": path.read_bytes() for path in sorted(SOURCE.glob("*.py"))}
    files["shop/release.py"] = (
        f'"""Which version these files are. Written by the release build."""\n\nVERSION = "{recipe.version}"\n'
        f"WRITES_GIFT = {'0002' in recipe.revisions}  # whether its orders say how they are wrapped\n"
    ).encode()
    for revision in recipe.revisions:
        name = f"migrations/versions/rev_{revision}.py"
        files[name] = (SOURCE / name).read_bytes()
    files["shop/fault.py"] = (
        f'"""What this release gets wrong: {recipe.wrong}. Written by the release build."""\n\n'
        f"from .dials import Dials\n\nBUILT_IN = Dials({recipe.dials})\n"
    ).encode()
    return files


def one_byte_changed(files: Mapping[str, bytes], name: str = "shop/app.py") -> dict[str, bytes]:
    """The same files but for one byte of ``name``, in the middle of it."""
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    return {**files, name: bytes(content)}


def private_key(directory: Path, keyid: str) -> SigningKey:
    """The private key ``keyid`` in ``directory``, made on first use, readable by its owner only."""
    path = directory / f"{keyid}{PRIVATE_SUFFIX}"
    return key_from_file(path) if path.exists() else make_key(directory, keyid)


def _write(path: Path, content: bytes) -> None:
    """Rename into place, so that a reader sees the old file or the new one."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)
