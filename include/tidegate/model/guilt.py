"""Which component of a release is guilty, by which endpoints fail. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidegate.model.mix import with_component_of
from tidegate.model.release import Release


@dataclass(frozen=True)
class Guilt:
    """``component``: the guilty one, empty if it is not one alone. ``why``: in words. ``without``: the mix that has the
    rest of the release and this component as it was; empty without one."""

    component: str
    why: str
    without: str = ""


def guilty_component(failing: Iterable[str], owners: Mapping[str, str], bad: Release, good: Release | None) -> Guilt:
    """``failing``: classes of endpoints. ``owners``: class -> the component that answers it. ``bad`` fails, ``good`` is
    the baseline. One component is guilty if every class that fails is its own, both releases declare it, and it is not
    the same in both."""
    classes = tuple(failing)
    if not classes:
        return Guilt("", "which endpoints fail is not told")
    found = {owners.get(name, "") for name in classes}
    said = " and ".join(classes)
    if "" in found:
        return Guilt("", f"{said} fail, and not each of them is a component's")
    if len(found) > 1:
        return Guilt("", f"{said} fail, which are of several components: {', '.join(sorted(found))}")
    (component,) = found
    if good is None:
        return Guilt("", f"only {said} of {component} fails, and there is no baseline to take it from")
    for one in (bad, good):
        if component not in one.components:
            return Guilt("", f"only {said} fails, and {one.version} declares no component {component}")
    if bad.components[component] == good.components[component]:
        return Guilt("", f"only {said} fails, and {component} is the same in {good.version}")
    mix = with_component_of(bad.version, component, good.version)
    return Guilt(component, f"only {said} fails, which is of component {component}", mix)
