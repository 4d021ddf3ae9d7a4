"""``tidegate release keygen | build | index | sign | verify | publish``: from files to a release on offer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli import release_lint
from tidegate.errors import Refused
from tidegate.publishing import bundle, keys

Folder = Annotated[Path, typer.Argument(help="The bundle that `release build` or `release index` made.")]
Out = Annotated[Path, typer.Option("--out", help="The bundle's folder; made if missing.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")]

app = typer.Typer(help="Build, sign, verify and publish releases.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    release_lint.register(app)
    parent.add_typer(app, name="release")


@app.command("keygen")
def keygen(
    keyid: Annotated[str, typer.Argument(help="The key's id, like k1.")],
    out: Annotated[Path, typer.Option("--out", help="Where KEYID.pem and KEYID.pub.json go.")] = Path(),
) -> None:
    """Make a signing key (ed25519). The private half is readable by its owner only, and is never written over."""
    key = keys.make_key(out, keyid)
    public = keys.write_public(out, key)
    typer.echo(f"private, to be kept secret: {out / keyid}{keys.PRIVATE_SUFFIX}")
    typer.echo(f"public, for whoever verifies: {public}")
    typer.echo(f"as a policy names it (break_glass.keys): {keys.policy_text(key)}")


@app.command("build")
def build(
    source: Annotated[Path, typer.Argument(help="The directory with the release's files.")],
    service: Annotated[str, typer.Option("--service", help="The service's name, as in its policy.")],
    version: Annotated[str, typer.Option("--version", help="Like 1.1.0; never used twice.")],
    sequence: Annotated[int, typer.Option("--sequence", help="A number that grows with each release.")],
    command: Annotated[str, typer.Option("--command", help="What starts it, with {python} and {port} to fill in.")],
    out: Out,
    config: Annotated[Path | None, typer.Option("--config", help="Its configuration, a JSON file.")] = None,
    secret: Annotated[list[str] | None, typer.Option("--secret", help="NAME=VERSION, no value; repeatable.")] = None,
    schema_revision: Annotated[str, typer.Option("--schema-revision", help="The database schema it needs.")] = "",
    contract_revision: Annotated[
        str, typer.Option("--contract-revision", help="What takes away that which only older releases need.")
    ] = "",
    smoke: Annotated[str, typer.Option("--smoke", help="Its smoke test, with {python} to fill in.")] = "",
    flag: Annotated[
        list[str] | None, typer.Option("--flag", help="NAME=off or NAME=on: a flag it asks for; repeatable.")
    ] = None,
    component: Annotated[
        list[str] | None,
        typer.Option("--component", help="NAME=PATH: what belongs to a part that can go back alone; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pack a release, reproducibly. Left out: __pycache__ and .git. Nothing is signed or published yet."""
    details = bundle.Details(
        service, version, sequence, tuple(shlex.split(command)), schema_revision, _flags(flag or ()),
        _content(config), dict(_pair(given, "--secret", "VERSION") for given in secret or ()),
        contract_revision, tuple(shlex.split(smoke)), _components(component or ()),
    )  # fmt: skip
    made = bundle.build_release(source, details, out)
    if "{port}" not in command:
        typer.echo("warning: the command holds no {port}, so each instance listens where it likes", err=True)
    words = f"built {made.service} {made.version} ({made.digest}), {len(made.files)} files, into {out}"
    _tell(as_json, words, {"folder": str(out), **_facts(made)})


@app.command("index")
def index(
    out: Out,
    oldest_sequence: Annotated[int, typer.Option("--oldest-sequence", help="Nothing older may be promoted.")],
    veto: Annotated[list[str] | None, typer.Option("--veto", help="A digest that must not run; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a release index, to be signed and published like a release."""
    made = bundle.build_index(oldest_sequence, veto or (), out)
    words = f"index: nothing below sequence {made.oldest_sequence}, {len(made.vetoed)} vetoed, into {out}"
    _tell(as_json, words, {"folder": str(out), "oldest_sequence": oldest_sequence, "vetoed": sorted(made.vetoed)})


@app.command("sign")
def sign(
    folder: Folder,
    key: Annotated[list[Path] | None, typer.Option("--key", help="A file KEYID.pem; repeatable.")] = None,
    key_env: Annotated[
        list[str] | None,
        typer.Option("--key-env", help="KEYID=VARIABLE: the PEM text is in this variable; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add signatures. Several people may sign one after the other, each with a key of their own."""
    chosen = [keys.key_from_file(path) for path in key or ()]
    pairs = (_pair(given, "--key-env", "VARIABLE") for given in key_env or ())
    chosen += [keys.key_from_environment(keyid, variable) for keyid, variable in pairs]
    if not chosen:
        raise Refused("no key was named", next_step="--key FILE, or --key-env KEYID=VARIABLE")
    signed = bundle.sign_bundle(folder, chosen)
    _tell(as_json, f"signed by {', '.join(signed)}: {folder}", {"folder": str(folder), "signers": list(signed)})


@app.command("verify")
def verify(
    folder: Folder,
    directory: Annotated[Path, typer.Option("--keys", help="A directory with the KEYID.pub.json that you trust.")],
    threshold: Annotated[int, typer.Option("--threshold", min=1, help="How many different keys must have signed.")],
    as_json: AsJson = False,
) -> None:
    """Check every file's SHA-256 and the signatures. Exits with 4, and says what is wrong, if anything is."""
    from tidegate.drivers.artifacts.directory import trusted_keys

    found, trust = bundle.Bundle.read(folder), trusted_keys(directory, threshold)
    if found.is_index:
        got = found.index(trust)
        facts: dict[str, Any] = {"oldest_sequence": got.oldest_sequence, "vetoed": sorted(got.vetoed)}
        words = f"verified: index, nothing below sequence {got.oldest_sequence}, {len(got.vetoed)} vetoed"
    else:
        made = found.manifest(trust)
        facts, words = _facts(made), f"verified: {made.service} {made.version} ({made.digest})"
    _tell(as_json, f"{words}, {threshold} of {len(trust.keys)} keys", {"verified": True, **facts})


@app.command("publish")
def publish(
    folder: Folder,
    to: Annotated[str, typer.Option("--to", help="The service whose policy names the place (drivers: artifacts).")],
    as_json: AsJson = False,
) -> None:
    """Offer it where the service's promotions look. A published version stays as it is: the same bytes again are fine,
    others are refused."""
    from tidegate.cli.service import find_artifacts

    found, artifacts = bundle.Bundle.read(folder), find_artifacts(to)
    if not found.is_index and (service := found.manifest().service) != to:
        raise Refused(f"{folder} holds a release of {service!r}, not of {to!r}", next_step=f"--to {service}")
    new = bundle.publish_bundle(found, artifacts)
    what = "index" if found.is_index else found.manifest().version
    words = f"{to}: {what} {'is published' if new else 'was published before, the same bytes: nothing to do'}"
    _tell(as_json, words, {"service": to, "published": what, "new": new})


def _content(config: Path | None) -> bytes | None:
    try:
        return config.read_bytes() if config else None
    except OSError as error:
        raise Refused(f"the configuration {config} cannot be read: {error.strerror}") from error


def _pair(given: str, option: str, second: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not (name and sign and value):
        raise Refused(f"{option} {given!r} is not understood", next_step=f"write NAME={second}")
    return name, value


def _flags(given: Iterable[str]) -> dict[str, bool]:
    """Key -> default. It has to be the value that is known to be good: off for a new one."""
    found: dict[str, bool] = {}
    for key, default in (_pair(text, "--flag", "off") for text in given):
        if default not in ("on", "off"):
            raise Refused(f"--flag {key}={default} is not understood", next_step=f"write {key}=off, or {key}=on")
        found[key] = default == "on"
    return found


def _components(given: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Name -> its paths; a name may be given more than once."""
    found: dict[str, tuple[str, ...]] = {}
    for name, path in (_pair(text, "--component", "PATH") for text in given):
        found[name] = (*found.get(name, ()), path.rstrip("/"))
    return found


def _facts(made: Any) -> dict[str, Any]:
    names = ("service", "version", "sequence", "digest", "configuration", "secrets", "flags")
    components = {"components": dict(made.release().components)} if made.components else {}
    return {name: getattr(made, name) for name in names} | components


def _tell(as_json: bool, words: str, facts: dict[str, Any]) -> None:
    typer.echo(json.dumps(facts) if as_json else words)
