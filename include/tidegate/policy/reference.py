"""The policy's JSON Schema (draft 2020-12, for editors) and its reference page, both made from the schema's classes.

What a key means stands once, in the docstring of its class, as ``key``: text.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tidegate.drivers import registry
from tidegate.policy import schema, tier
from tidegate.policy.driver_settings import settings_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOTE = re.compile(r"``([a-z][a-z0-9_]*)``:\s+(.*?)(?=\s``[a-z][a-z0-9_]*``:|$)", re.DOTALL)

JsonSchema = dict[str, Any]


def json_schema() -> JsonSchema:
    """The schema of a policy, with every installed driver's own settings under its ``kind``."""
    drivers = {
        (family, kind): settings_of(family, kind)
        for family in registry.FAMILIES + registry.OPTIONAL
        for kind in registry.kinds(family)
    }
    refs, whole = models_json_schema(
        [(schema.Policy, "validation"), *((model, "validation") for model in drivers.values())],
        by_alias=True,
    )
    defs: JsonSchema = whole["$defs"]
    models: list[type[BaseModel]] = [schema.Policy, *drivers.values()]
    for model in models:
        _describe(model, defs)
    defs["Drivers"]["properties"] = {
        family: _family(family, {k: refs[m, "validation"] for (f, k), m in drivers.items() if f == family}, defs)
        for family in registry.FAMILIES + registry.OPTIONAL
        if registry.kinds(family)
    }
    defs.pop("Driver", None)
    policy = defs.pop("Policy")
    policy |= _unless_tiered(defs["Promotion"])
    whole = {**policy, "$schema": DIALECT, "title": "Tidegate policy", "$defs": defs}
    return _used(_closed(whole))


def _unless_tiered(promotion: JsonSchema) -> JsonSchema:
    """Keys that a tier gives are asked for where the policy names none."""
    promotion["required"] = [key for key in promotion["required"] if key not in tier.KEYS]
    written: JsonSchema = {"properties": {"promotion": {"required": list(tier.KEYS)}}}
    return {"if": {"not": {"required": ["tier"]}}, "then": written}


def _closed(value: Any) -> Any:
    """Maps whose keys follow a pattern take no other keys."""
    if isinstance(value, list):
        return [_closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _closed(item) for key, item in value.items() if key != "propertyNames"}
    return {**found, "additionalProperties": False} if "patternProperties" in found else found


def json_schema_text() -> str:
    """The committed file's content, ending in one newline."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _family(family: str, kinds: Mapping[str, JsonSchema], defs: JsonSchema) -> JsonSchema:
    notes = field_notes(schema.Drivers)
    return {
        "description": notes[family],
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": sorted(kinds), "description": field_notes(schema.Driver)["kind"]}},
        "allOf": [
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": _with_kind(_resolved(ref, defs), kind),
            }
            for kind, ref in sorted(kinds.items())
        ],
    }


def _resolved(ref: JsonSchema, defs: JsonSchema) -> JsonSchema:
    found: JsonSchema = defs[ref["$ref"].removeprefix("#/$defs/")]
    return found


def _with_kind(settings: JsonSchema, kind: str) -> JsonSchema:
    """The driver's settings, which forbid unknown keys, with ``kind`` among the known."""
    keep = {k: v for k, v in settings.items() if k not in ("title", "type")}
    return {**keep, "properties": {"kind": {"const": kind}, **settings.get("properties", {})}}


def _describe(model: type[BaseModel], defs: JsonSchema) -> None:
    """Put what the docstrings say of each key beside it."""
    for part in parts(model):
        found = defs.get(part.__name__)
        if found is None:
            continue
        found["description"] = summary(part)
        for key, note in field_notes(part).items():
            if key in found.get("properties", {}):
                found["properties"][key] = {**found["properties"][key], "description": note}


def _used(whole: JsonSchema) -> JsonSchema:
    """Without definitions that nothing refers to."""
    while True:
        text = repr(whole)
        unused = [name for name in whole["$defs"] if f"'#/$defs/{name}'" not in text]
        if not unused:
            return whole
        for name in unused:
            del whole["$defs"][name]


def parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """``model`` and every class below it, each once, in the order of its keys."""
    seen: set[type[BaseModel]] = set()

    def walk(found: Any) -> Iterator[type[BaseModel]]:
        if isinstance(found, type) and issubclass(found, BaseModel):
            if found in seen:
                return
            seen.add(found)
            yield found
            for info in found.model_fields.values():
                yield from walk(info.annotation)
            return
        for inner in getattr(found, "__args__", ()):
            yield from walk(inner)

    return walk(model)


def field_notes(model: type[BaseModel]) -> dict[str, str]:
    """Key -> what the class's docstring says of it."""
    text = " ".join((inspect.getdoc(model) or "").split())
    return {key: _sentence(note) for key, note in _NOTE.findall(text)}


def summary(model: type[BaseModel]) -> str:
    """The docstring's first paragraph."""
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())


def _sentence(note: str) -> str:
    note = note.strip()
    return note[:1].upper() + note[1:] if note[:1].islower() else note
