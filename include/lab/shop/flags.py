"""The release's feature flags, evaluated through OpenFeature from flagd's file (``SHOP_FLAGS``).

Which flags there are, and what the release does where nothing decides, is in its own ``flags.json``. An outage of the
source changes nothing: what was read once stays in force while the file is away or broken; a process that starts
meanwhile, or that is given a document without the flag, takes the value that ``<file>.last-good`` knows to be good,
and without that the release's own default.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELOAD_MS = 50  # how often the provider looks at the file
TOTAL = 10_000
log = logging.getLogger("shop.flags")


@dataclass(frozen=True)
class Decision:
    """``exposed``: basis points of the customers who got it when this was decided; ``epoch``: of that exposure."""

    key: str
    on: bool
    exposed: int
    epoch: int

    def __str__(self) -> str:
        """As the header ``x-flags`` has it."""
        return f"{self.key}={'on' if self.on else 'off'};{self.exposed};{self.epoch}"


class Flags:
    """``defaults``: key -> the release's own default; only these are ever asked for."""

    def __init__(self, file: Path | None, defaults: Mapping[str, bool]) -> None:
        self._file, self._defaults = file, defaults
        self._client: Any = None

    def open(self) -> None:
        """Read the source, if the release has flags and there is one. A source that cannot be read is no reason not to
        start: it is read as soon as it can be."""
        if not self._defaults or self._file is None:
            return
        from openfeature import api
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType

        logging.getLogger("openfeature.contrib").setLevel(logging.CRITICAL)  # it would tell of a lost file 20 times/s
        provider = FlagdProvider(
            resolver_type=ResolverType.FILE, offline_flag_source_path=str(self._file), deadline_ms=RELOAD_MS
        )
        self._client = api.get_client()
        try:
            api.set_provider_and_wait(provider)  # set_provider would serve defaults at first
        except Exception as error:  # whatever is wrong with the source, the shop sells
            log.warning("flags cannot be read, what was last good is in force: %s", type(error).__name__)

    def close(self) -> None:
        if self._client is not None:
            from openfeature import api

            api.shutdown()

    def ask(self, key: str, customer: str) -> Decision | None:
        """None for a flag that the release does not have."""
        if key not in self._defaults:
            return None
        if self._client is None:
            return self._last_good(key)
        from openfeature.evaluation_context import EvaluationContext

        found = self._client.get_boolean_details(key, self._defaults[key], EvaluationContext(customer))
        meta = found.flag_metadata
        if found.error_code is not None or found.variant is None or "exposed" not in meta:
            return self._last_good(key)
        return Decision(key, found.value, int(meta["exposed"]), int(meta["epoch"]))

    def _last_good(self, key: str) -> Decision:
        on, epoch = self._defaults[key], 0
        try:
            path = self._file.with_name(self._file.name + ".last-good") if self._file else None
            meta = json.loads(path.read_text())["flags"][key]["metadata"] if path else {}
            on, epoch = bool(meta.get("default", on)), int(meta.get("epoch", 0))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # never written, or lost as well
        return Decision(key, on, TOTAL if on else 0, epoch)
