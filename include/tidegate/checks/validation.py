"""One ephemeral Great Expectations project over one pinned snapshot."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.checks.connection import Pin, connect_args, literal
from tidegate.checks.expectations import build
from tidegate.checks.model import CheckSpec, Kind
from tidegate.checks.outcome import Answer
from tidegate.checks.preload import import_quietly
from tidegate.checks.reference import Reference


def new_context() -> Any:
    """A context that lives in memory alone: no files, no Data Docs, no progress bars, no analytics."""
    gx = import_quietly()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


@dataclass
class Project:
    """Suites, one per check so that one that cannot be evaluated takes no other along, and the data they look at; and
    one per table with all its native expectations, which Great Expectations then reads in one pass."""

    context: Any
    source: Any
    engines: tuple[Any, ...]
    definitions: dict[str, Any] = field(default_factory=dict)
    _batches: dict[str, Any] = field(default_factory=dict)
    _native: dict[str, dict[str, Any]] = field(default_factory=dict)  # table -> check -> how it is made
    _whole: dict[str, Any] = field(default_factory=dict)  # check -> the definition of all of its table

    def add(self, spec: CheckSpec, reference: Reference) -> None:
        """Raises ``Refused`` or Great Expectations' own errors if ``spec`` cannot be made into a suite."""
        columns = self.columns(spec.projection.described) if spec.kind is Kind.FOLLOWS else ()
        make = functools.partial(_quietly, build, spec, reference, columns)
        self.definitions[spec.id] = self._define(spec.id, spec.table, [make()])
        if spec.kind in (Kind.EXPECT, Kind.NOT_BELOW_SNAPSHOT):
            self._native.setdefault(spec.table, {})[spec.id] = make

    def together(self) -> frozenset[str]:
        """From now on the native expectations of each table run as one, where they can be made into one suite. The ids
        of checks for which that is so; one that cannot be evaluated takes the others along, until :meth:`apart`."""
        done: set[str] = set()
        for table, made in self._native.items():
            if len(made) == 1:
                continue
            with contextlib.suppress(Exception):  # two of the same, say: they run one by one
                whole = self._define(f"all of {table}", table, [make() for make in made.values()])
                self._whole.update(dict.fromkeys(made, whole))
                done |= set(made)
        return frozenset(done)

    def apart(self) -> None:
        """From now on every check runs by itself."""
        self._whole.clear()

    def _define(self, name: str, table: str, expectations: list[Any]) -> Any:
        import great_expectations as gx

        suite = self.context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=self._batch(table), suite=suite)
        return self.context.validation_definitions.add(definition)

    def run(self, name: str, checks: Sequence[str], result_format: Any) -> tuple[str, dict[str, Answer]]:
        """Run one checkpoint over ``checks``. Its run id, and the answers by check id: those that are there."""
        import great_expectations as gx
        from great_expectations.core.run_identifier import RunIdentifier

        chosen = {id(d): d for d in (self._whole.get(check) or self.definitions[check] for check in checks)}
        definitions = list(chosen.values())
        checkpoint = gx.Checkpoint(name=name, validation_definitions=definitions, result_format=result_format)
        done = _quietly(checkpoint.run, run_id=RunIdentifier(run_name=name))
        answers = {}
        for validation in done.run_results.values():
            for result in validation.results:
                answers[str(result.expectation_config.meta["check_id"])] = _answer(result)
        return str(done.run_id.run_name), answers

    def primary_key(self, table: str) -> list[str]:
        """Columns of the table's primary key; empty if it has none."""
        from sqlalchemy import inspect

        return list(inspect(self.engines[0]).get_pk_constraint(table)["constrained_columns"])

    def columns(self, statement: str) -> tuple[str, ...]:
        """Names of the columns that ``statement`` gives."""
        with self.engines[0].begin() as connection:
            return tuple(connection.exec_driver_sql(literal(statement)).keys())

    def rows(self, statement: str) -> list[Any]:
        """What our own ``statement`` gives, read from the same pinned snapshot."""
        with self.engines[0].begin() as connection:
            return list(connection.exec_driver_sql(literal(statement)))

    def _batch(self, table: str) -> Any:
        if table not in self._batches:
            asset = (
                self.source.add_table_asset(f"table {table}", table_name=table)
                if table
                else self.source.add_query_asset("statement", query="SELECT 1 AS one")
            )
            self._batches[table] = asset.add_batch_definition_whole_table("whole")
        return self._batches[table]


@contextlib.contextmanager
def project(url: str, pin: Pin) -> Iterator[Project]:
    """A project whose every statement reads ``pin``. Its connections are closed at the end."""
    context = new_context()
    # A "$" would be read as a reference to a configuration variable.
    source = context.data_sources.add_postgres(
        "database", connection_string=url.replace("$", "%24"), kwargs={"connect_args": connect_args(pin.limits)}
    )
    engines = (source.get_engine(), source.get_execution_engine().engine)  # one looks at tables, one runs metrics
    for engine in dict.fromkeys(engines):
        pin.hold(engine)
    try:
        yield Project(context, source, engines)
    finally:
        for engine in engines:
            engine.dispose()


def _quietly(call: Any, *args: Any, **kwargs: Any) -> Any:
    """Great Expectations prints; a check's output belongs to nobody's standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*args, **kwargs)


def _answer(result: Any) -> Answer:
    return {
        "success": result.success,
        "exception_info": result.exception_info,
        "result": dict(result.result or {}),
        "kwargs": dict(result.expectation_config.kwargs),
    }
