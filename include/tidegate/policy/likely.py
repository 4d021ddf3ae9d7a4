"""The likely word for one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def likely(word: str, known: Iterable[str]) -> str:
    """``did you mean 'steps'?`` or, where nothing is near, what is known. Empty if nothing is."""
    names = list(known)
    lowered = {name.lower(): name for name in reversed(names)}
    written = word.strip().lower()
    near = {
        name: difflib.SequenceMatcher(None, spelling, name).ratio()
        for spelling in {written, written.replace("-", "_")}
        for name in difflib.get_close_matches(spelling, list(lowered), n=3)
    }
    if near:
        best = max(near, key=lambda name: (near[name], name[:1] == written[:1], name))
        return f"did you mean {lowered[best]!r}?"
    return f"known: {', '.join(names)}" if names else ""
