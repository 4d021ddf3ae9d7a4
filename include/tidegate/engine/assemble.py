"""From a policy to a world: drivers connected, journal opened. No vendor's SDK is imported before a driver connects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

from tidegate.checks.contract import DataChecks
from tidegate.drivers import registry
from tidegate.drivers.credentials import NotingResolver, Resolver, from_environment
from tidegate.drivers.estate import Estate
from tidegate.drivers.site import Site
from tidegate.drivers.vault import Vault, vault_of
from tidegate.engine.data_checks import LiveChecks
from tidegate.engine.requires import said_by_policies
from tidegate.engine.telling import telling_journal
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.settings import HOME
from tidegate.journal.settings import journal_url as journal_url_from
from tidegate.policy import places
from tidegate.policy.schema import Policy


def assemble(
    policy: Policy,
    policy_digest: str,
    *,
    resolve: Resolver = from_environment,
    vault: Vault | None = None,
    home: Path | None = None,
    journal_url: str | None = None,
) -> World:
    """A service's world, ready to act on. The journal's tables are brought up to date.

    ``resolve``: turns ``conn://name`` into an address. ``vault``: where releases' secrets are, by default what
    ``resolve`` asks. ``home``: root of the relative paths in the policy, by default
    ``TIDEGATE_HOME``. ``journal_url``: by default ``TIDEGATE_JOURNAL``, or a file below ``home``; a secret.

    Raises :class:`~tidegate.errors.Refused` for a driver or a connection that is not there, and ``JournalError``.
    """
    root = home or places.home()
    journal = telling_journal(journal_url or journal_url_from({**os.environ, HOME: str(root)}))
    journal.migrate()
    estate = connect_estate(policy, root, resolve, vault)
    return World(policy, policy_digest, estate, journal, LiveChecks(estate.database), others=said_by_policies)


def on_paper(policy: Policy, policy_digest: str) -> World:
    """A service's world for what takes the journal alone: no driver is connected, so no connection has to be there.

    Pausing at 3 a.m. must not depend on a secrets backend. The journal's tables are left as they are, so
    that pages may read with it. Raises :class:`~tidegate.errors.Refused` if a driver is wanted all the same.
    """
    journal = telling_journal(journal_url_from({**os.environ, HOME: str(places.home())}))
    estate = cast(Estate, _NotConnected())
    return World(policy, policy_digest, estate, journal, cast(DataChecks, estate), others=said_by_policies)


class _NotConnected:
    """Stands where an estate would."""

    def __getattr__(self, family: str) -> Any:
        raise Refused(f"no driver is connected here, and {family} was asked for")


def connect_estate(
    policy: Policy, root: Path, resolve: Resolver = from_environment, vault: Vault | None = None
) -> Estate:
    """Every family's driver, as the policy describes it."""
    noting = NotingResolver(resolve)  # of connections; reads of releases' secrets have journal rows of their own
    read = vault or vault_of(resolve)
    site = Site(policy.service, policy.shares, policy.endpoint_classes, root, noting, read)
    wanted = {family: getattr(policy.drivers, family) for family in registry.FAMILIES + registry.OPTIONAL}
    connected: dict[str, Any] = {
        family: registry.connect(family, driver.model_dump(), site) for family, driver in wanted.items() if driver
    }
    return Estate(site, **connected)
