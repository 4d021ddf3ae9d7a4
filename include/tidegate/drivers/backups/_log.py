"""Which files of the log an archive has to have. Pure: names and sizes in, words out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?")
_HISTORY = re.compile(r"\s*(\d+)\s+([0-9A-F]+)/([0-9A-F]+)")


def gap(sizes: Mapping[str, int], history: Mapping[str, str], start: int, end: int, timeline: int) -> str:
    """What is missing from ``start`` to ``end`` (bytes), "" if nothing is. ``sizes``: of the archive's files by name.
    ``history``: the text of its timelines' files. ``timeline``: the one on which the backup ended."""
    size = max((size for name, size in sizes.items() if SEGMENT.fullmatch(name)), default=0)
    if size == 0:
        return "the archive is empty"
    newest = max([timeline, *(int(name[:8], 16) for name in history)])
    text = history.get(f"{newest:08X}.history")
    if newest > 1 and text is None:
        return f"the file of timeline {newest} is missing"
    begins = _begins(text or "", newest)
    last = max(end - 1, start) // size
    for number in range(start // size, last + 1):
        of = max((t for t, begin in begins.items() if begin // size <= number), default=newest)
        name = file_name(of, number, size)
        complete, begun = sizes.get(name) == size, sizes.get(f"{name}.partial") == size
        if not complete and not (begun and number == last):
            return f"{name} is missing" if name not in sizes else f"{name} is cut off"
    return ""


def file_name(timeline: int, number: int, size: int) -> str:
    each = 0x100000000 // size
    return f"{timeline:08X}{number // each:08X}{number % each:08X}"


def older(names: list[str], first: str) -> list[str]:
    """Those that nobody needs who begins with the file ``first``, whatever timeline they are of."""
    return [name for name in names if SEGMENT.fullmatch(name) and name[8:24] < first[8:24]]


def _begins(text: str, newest: int) -> dict[int, int]:
    """Timeline -> the position at which it begins."""
    ends = [(int(m[1]), (int(m[2], 16) << 32) + int(m[3], 16)) for m in map(_HISTORY.match, text.splitlines()) if m]
    order = [(0, 0), *ends]
    begins = {after[0]: before[1] for before, after in pairwise(order)}
    begins[newest] = order[-1][1]
    return begins
