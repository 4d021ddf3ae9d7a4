"""How weights are written in node ids, and ids that more than one place knows."""

from __future__ import annotations

APPROVE_EXPAND = "expand.approve"
APPROVE_CONTRACT = "contract.approve"
CONTRACT_NODE = "contract.migrate"
APPROVE_LOSS = "declare.approve"
MEASURE_NODE = "declare.measure"
FENCE_LOST = "declare.fence"  # of a failover
FENCE_NODE = "cutover.fence"  # of a switchover
PROMOTE_NODE = "cutover.promote"
CUTOVER_END = "cutover.shift"  # of a failover: its critical section is over
LEDGER_NODE = "protect.ledger"  # of a reprotect: what the old primary alone had is kept
LEDGER_CLOSED_NODE = "protect.ledger-closed"
LEDGER_DATA_NODE = "protect.ledger-data"
DEGRADE_NODE = "cutover.degrade"  # of a failover: what can be done without is switched off
ADMISSION = "admission"  # the stage in which more sessions are admitted
FEATURES = "features"  # the stage in which what was switched off comes back
REJOIN_NODE = "protect.database"  # here what it alone had is gone
LOAD_NODE = "copy.load"  # of a restored database that is put in the live one's place
COMPARE_NODE = "copy.compare"  # what would be lost by it: people sign for that
APPROVE_SWAP = "copy.approve"
SWAP_NODE = "swap.names"  # its point of no return
REPLACED_NODE = "verify.replaced"  # what was lost by it
CUTOVER = "cutover"  # the critical section: fence, promote_database, move what can be moved


def percent(basis_points: int) -> str:
    """2500 -> ``25``, 50 -> ``0_5``: a percentage that is legal in a task id."""
    whole, rest = divmod(basis_points, 100)
    return str(whole) if not rest else f"{whole}_{rest:02d}".rstrip("0")
