"""A release's components: which of its files belong to which, and the digest of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidegate.drivers.artifacts._archive import files_digest
from tidegate.drivers.artifacts._settings_files import CONFIG, FLAGS, SECRETS, UnfitSettingsError
from tidegate.model.mix import COMPONENT

Prefixes = Mapping[str, Iterable[str]]  # component -> how the paths of its files begin


def belongs(path: str, prefixes: Iterable[str]) -> bool:
    """Whether the file is one of theirs: a prefix is a file's path, or a directory's."""
    return any(path == one or path.startswith(f"{one}/") for one in prefixes)


def files_of(prefixes: Iterable[str], files: Mapping[str, str]) -> dict[str, str]:
    """Those of ``files`` (path -> SHA-256) that begin so."""
    wanted = tuple(prefixes)
    return {path: sha for path, sha in files.items() if belongs(path, wanted)}


def component_digests(components: Prefixes, files: Mapping[str, str]) -> dict[str, str]:
    """Component -> digest, by the same rule as a whole release's."""
    return {name: files_digest(files_of(prefixes, files)) for name, prefixes in components.items()}


def components_fault(components: Prefixes, files: Iterable[str]) -> str:
    """What is wrong with the components of a manifest that lists ``files``; "" if nothing is. Configuration, secrets
    and flags are part of none."""
    try:
        check_components(components, (path for path in files if path not in (CONFIG, SECRETS, FLAGS)))
    except UnfitSettingsError as error:
        return str(error)
    return ""


def check_components(components: Prefixes, files: Iterable[str]) -> None:
    """Raises :class:`UnfitSettingsError`, naming what will not do: a name, a prefix that no file begins with, or two
    components that share a file."""
    paths = tuple(files)
    taken: dict[str, str] = {}
    for name, prefixes in components.items():
        if not COMPONENT.fullmatch(name):
            raise UnfitSettingsError(f"{name!r} is no component's name (a-z, 0-9, underscores; begins with a-z)")
        if not tuple(prefixes):
            raise UnfitSettingsError(f"component {name!r} has no files")
        for prefix in prefixes:
            mine = [path for path in paths if belongs(path, (prefix,))]
            if not mine:
                raise UnfitSettingsError(f"component {name!r}: no file of the release is {prefix!r} or below it")
            for path in mine:
                if (other := taken.setdefault(path, name)) != name:
                    raise UnfitSettingsError(f"{path} is a file of two components, {other!r} and {name!r}")
