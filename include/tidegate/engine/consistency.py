"""Whether what users reach is what the router, the record and the instances say: names, cached assets, routes."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.drivers.caches import handed_out
from tidegate.drivers.estate import Estate
from tidegate.drivers.name_servers import addresses
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.world import World
from tidegate.errors import Rejected, TidegateError
from tidegate.model.traffic import Split
from tidegate.policy.consistency import Assets, Dns


def names(estate: Estate, part: Dns) -> str:
    """Every server answers for every name with the addresses of the regions that take traffic. Raises ``Rejected``
    naming each that does not, and as drivers do."""
    split = _split(estate)
    wanted = {a for region, mine in part.addresses.items() if split.region_share(region) for a in mine}
    wrong = [words for server in part.servers for words in _answers(estate, server, part, frozenset(wanted))]
    if wrong:
        raise Rejected("; ".join(wrong), next_step="mend the zone, and wait until its time to live is over")
    return f"{len(part.servers)} name servers lead {', '.join(part.names)} to {', '.join(sorted(wanted))}"


def _answers(estate: Estate, server: str, part: Dns, wanted: frozenset[str]) -> Iterator[str]:
    """One server that is dead hides nothing that another one says."""
    for name in part.names:
        try:
            found = addresses(estate.site.resolve(server), name)
        except TidegateError as error:
            yield error.message
            continue
        if found != wanted:
            told = ", ".join(sorted(found)) or "nowhere"
            yield f"{server} leads {name} to {told}, expected {', '.join(sorted(wanted)) or 'nowhere'}"


def assets(estate: Estate, part: Assets) -> str:
    """Everything that caches hand out is of a release that takes traffic. Raises as :func:`names`."""
    digests = serving(estate)
    wrong = [words for cache in part.caches for words in _stale(estate, cache, part, digests)]
    if wrong:
        raise Rejected("; ".join(wrong), next_step="purge it there, and see why it was kept")
    return f"{len(part.caches)} caches hand out {len(part.paths)} assets of {', '.join(sorted(digests))}"


def serving(estate: Estate) -> frozenset[str]:
    """Digests that instances report whose arm takes traffic now."""
    split = _split(estate)
    arms = [arm for arm in split.arms if split[arm]]
    found = (one.digest for arm in arms for one in estate.compute.observe(arm).instances if one.healthy)
    return frozenset(digest for digest in found if digest)


def _stale(estate: Estate, cache: str, part: Assets, digests: frozenset[str]) -> Iterator[str]:
    for path in part.paths:
        try:
            found = handed_out(estate.site.resolve(cache), path, part.header)
        except TidegateError as error:
            yield error.message
            continue
        if found not in digests:
            of = f"of {found}" if found else f"without {part.header}"
            yield f"{cache} hands out {path} {of}, and {', '.join(sorted(digests)) or 'nothing'} takes traffic"


def routes(world: World, facts: ServiceFacts) -> str:
    """Each region's share at the router is the one on record. Raises ``Rejected``."""
    split = _split(world.estate)
    wanted = facts.placement.shares if facts.placement is not None else world.policy.shares
    wrong = {region: split.region_share(region) for region in wanted if split.region_share(region) != wanted[region]}
    if wrong:
        told = ", ".join(
            f"{region} has {share / 100:g}%, not {wanted[region] / 100:g}%" for region, share in wrong.items()
        )
        raise Rejected(f"the router's shares are not those on record: {told}", next_step="see who moved them")
    return ", ".join(f"{region} {share / 100:g}%" for region, share in wanted.items())


def _split(estate: Estate) -> Split:
    split = estate.traffic.observe().split
    if split is None:
        raise Rejected("the router has no route of ours", next_step="see what was written to it")
    return split
