"""Nothing is measured any more while a good release is promoted: nothing goes forward, and nothing back because of it.

Once sight is back the promotion has to come to its own end: an operation that held, and cannot go on, is as good as
lost. An abort would not show that. The release is taken back on the way home.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.drill import measure
from tidegate.drill.asking import Answer, Asking, ended_otherwise
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.engine.assess import from_journal
from tidegate.engine.region_loss import LOST
from tidegate.engine.view import GROWING, OperationView
from tidegate.errors import NotSettled
from tidegate.journal.model import Event, EventKind
from tidegate.judge.gate import FRESHNESS
from tidegate.model.drill import Phase, Times
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.model.verdict import Verdict
from tidegate.plan.model import Gate, Plan, Step

GRACE = 5.0  # seconds for what was decided while something was still seen, and is done a moment later
_JUDGED = ("evidence", "bake")  # kinds of gates that open on what was measured


class Blind(Asking):
    """See the module."""

    def answer(self) -> Answer:
        operation = self._under_way()
        self.cast.faults.inject(f"{self.load}-blind", Fault(FaultKind.METRICS_BLIND), self.rehearsal.within)
        since = self.cast.now()
        view = self._held(operation)
        noticed = self.cast.now()
        self.cast.wait(lambda: False, self.rehearsal.lasts, self.scenario, Phase.ANSWER)
        lifted = self.cast.now()
        self.cast.faults.lift(f"{self.load}-blind")
        stale_after = float(view.plan.settings["judge"]["stale_after"])
        view = self.ended(operation)
        unseen = (min(noticed, since + stale_after + GRACE), lifted)
        wrong = (*forward(view.plan, self.rows(view), *unseen), *self._by_itself(operation))
        wrong = (*wrong, *ended_otherwise(view, (Outcome.PROMOTED,)))
        return Answer(view, Times(detect=round(noticed - since, 3)), since, wrong)

    def _under_way(self) -> str:
        """The promotion, once its release has users, and a gate sees how they fare: there is sight to be lost."""
        begun = self.begin(OperationKind.PROMOTION, version=self.rehearsal.version)

        def met() -> bool:
            view = self.view(begun.operation)
            _goes_on(view, begun.said())
            return view is not None and measure.first_shown(view) is not None and self._sees(view) is True

        self.wait(met, f"no gate has seen how users of {self.rehearsal.version} fare")
        return begun.operation

    def _held(self, operation: str) -> OperationView:
        """As it stands before a gate that knows nothing."""

        def blind() -> bool:
            view = self.view(operation)
            _goes_on(view)
            return view is not None and self._sees(view) is False

        self.wait(blind, "no gate has noticed that nothing is measured")
        view = self.view(operation)
        assert view is not None  # just seen
        return view

    def _sees(self, view: OperationView) -> bool | None:
        """Whether the gate that it waits at has something fresh to judge by; None if it waits at none that judges."""
        gate, world = standing_at(view), self.cast.world
        if gate is None or gate.kind not in _JUDGED:
            return None
        found = from_journal(world.journal, view, gate, world.clock.now())
        return all(one.verdict is Verdict.PASS for one in found.readings if one.signal == FRESHNESS)

    def _by_itself(self, operation: str) -> Iterator[str]:
        """What somebody began, or declared lost, only because he saw nothing."""
        for row in self.operations(self.behind):
            if row.operation != operation:
                yield f"{row.operation} was begun, and blindness alone is no reason to"
        if (lost := self.note(LOST, self.behind)) is not None:
            yield f"a loss was declared, and nothing was lost: {lost.body.get('why', '')}"


def standing_at(view: OperationView) -> Gate | None:
    """The gate that it waits at; None if what comes next is no gate. Pure."""
    node = next((node for _, node in view.plan.nodes() if not view.verified(node.id)), None)
    return node if isinstance(node, Gate) else None


def forward(plan: Plan, rows: Sequence[Event], since: float, until: float) -> Iterator[str]:
    """What went forward between the two (epoch seconds), in words: nobody saw how users fared. Pure."""
    nodes = {node.id: node for _, node in plan.nodes()}
    for row in rows:
        if not since < row.at < until or row.kind not in (EventKind.GATE_OPENED, EventKind.STEP_INTENDED):
            continue
        node = nodes[row.body["node"]]
        if isinstance(node, Step) and row.kind is EventKind.STEP_INTENDED and node.verb in GROWING:
            yield f"{node.id} gave the release more users while nothing was measured"
        elif isinstance(node, Gate) and node.kind in _JUDGED:
            yield f"{node.id} opened while nothing was measured: {row.body.get('detail', '')}"


def _goes_on(view: OperationView | None, said: str = "") -> None:
    """Raises :class:`NotSettled` if nothing comes of it any more."""
    if said:
        raise NotSettled(f"the promotion was not carried on: {said}")
    if view is not None and view.state is not OperationState.RUNNING:
        why = f": {view.why_back}" if view.why_back else ""
        raise NotSettled(f"{view.id} did not wait for sight to be back: it is {view.state.value}{why}")
