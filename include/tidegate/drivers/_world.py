"""The world that memory drivers share: what was really done to it, and the faults that a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from tidegate.drivers.site import Site
from tidegate.errors import Changed, EffectError, LeaseLost, TidegateError


@dataclass(frozen=True)
class Effect:
    """One change actually made. ``target``: what was changed (``routes``, an instance); ``verb``: how."""

    family: str
    verb: str
    target: str
    epoch: int
    operation: str
    detail: Mapping[str, Any] = field(default_factory=dict)


Hook = Callable[[Effect], None]


def _nothing(_: Effect) -> None:
    return None


class World:
    """Effects in order, under one lock. ``before_effect`` and ``after_effect`` see each one; what they raise goes up
    to the caller, before the change and after it: how a test kills a runner at either side of an effect."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.effects: list[Effect] = []
        self.before_effect: Hook = _nothing
        self.after_effect: Hook = _nothing

    def perform(self, effect: Effect, change: Callable[[], None]) -> None:
        """Make one change and note it. The lock is held, hooks included, so hooks must not wait for other threads."""
        with self.lock:
            self.before_effect(effect)
            change()
            self.effects.append(effect)
            self.after_effect(effect)


_worlds: WeakValueDictionary[tuple[str, str], World] = WeakValueDictionary()


def world_of(site: Site) -> World:
    """The world of a service under one root: the same for every memory driver that is connected for it, so that they
    form one estate. It is forgotten with the last of them."""
    key = (site.service, str(site.root))
    with _guard:
        world = _worlds.get(key)
        if world is None:
            world = _worlds[key] = World()
        return world


_guard = threading.Lock()


class Faults:
    """What goes wrong next in one driver.

    ``fail_next`` is raised by the next ``apply``: before the change if its class says that nothing changed, else after
    it. ``unreachable``: every call raises it until it is None again. ``lost``: region -> what every call to it raises,
    for drivers that have regions; ``asked``: the regions that were called, in order. Drivers with several verbs take
    :meth:`fail_at`.
    """

    def __init__(self) -> None:
        self.fail_next: TidegateError | None = None
        self.unreachable: EffectError | None = None
        self.lost: dict[str, EffectError] = {}
        self.asked: list[str] = []
        self._at: dict[str, tuple[TidegateError, bool]] = {}

    def fail_at(self, verb: str, error: TidegateError, *, done: bool | None = None) -> None:
        """The next call of ``verb`` raises ``error``, once. ``done``: whether the change is made first; as the error's
        class says if left out, an unknown outcome being a change that was made."""
        self._at[verb] = error, error.changed is not Changed.NO if done is None else done

    def due(self, verb: str, *, done: bool) -> None:
        """Called by the driver before the change and after it."""
        if verb in self._at and self._at[verb][1] is done:
            raise self._at.pop(verb)[0]

    def on_call(self, region: str = "") -> None:
        if region:
            self.asked.append(region)
        if self.unreachable is not None:
            raise self.unreachable
        if region in self.lost:
            raise self.lost[region]

    def before_apply(self) -> None:
        self.on_call()
        self._raise(self.fail_next is not None and self.fail_next.changed is Changed.NO)

    def after_apply(self) -> None:
        self._raise(self.fail_next is not None)

    def _raise(self, due: bool) -> None:
        if due and self.fail_next is not None:
            fault, self.fail_next = self.fail_next, None
            raise fault


def refuse_stale(what: str, held: int, epoch: int, operation: str) -> None:
    """Raises :class:`LeaseLost` if ``epoch`` is smaller than the one that ``what`` holds."""
    if epoch < held:
        raise LeaseLost(f"{what} is at epoch {held}, {operation} writes at {epoch}")
