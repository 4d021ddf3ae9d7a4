"""The likely word for one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def likely(word: str, known: Iterable[str]) -> str:
    """``did you mean 'steps'?`` or, where nothing is near, what is known. Empty if nothing is."""
    names = list(known)
    lowered = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.strip().lower().replace("-", "_"), list(lowered), n=1, cutoff=0.6)
    near = near or difflib.get_close_matches(word.strip().lower(), list(lowered), n=1, cutoff=0.6)
    if near:
        return f"did you mean {lowered[near[0]]!r}?"
    return f"known: {', '.join(names)}" if names else ""
