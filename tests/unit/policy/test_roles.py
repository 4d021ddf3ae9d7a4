"""The policy's roles: read, checked against the approvals, and asked."""

from __future__ import annotations

import pytest

from tests.support.policies import SMALL, changed, complaints, parsed
from tidegate.engine.permission import may, permit
from tidegate.errors import Forbidden
from tidegate.model.roles import MAY, Action, Role
from tidegate.policy.schema import Policy

OWNERS = "owners: {release: team-pay, rollback: team-pay, failover: sre, dashboard: sre}\n"


def source(roles: str, *more: tuple[str, str]) -> str:
    return changed((OWNERS, f"{OWNERS}roles: {roles}\n"), *more)


def policy(roles: str) -> Policy:
    return parsed(source(roles)).policy


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        ("{operater: [cat], approver: [ann, ben]}", "unknown key 'operater'; did you mean 'operator'?"),
        ("{operator: [cat], approver: [ann, bem]}", "'ben' is no approver in roles; did you mean 'bem'?"),
        ("{operator: [cat], auditor: [ann, ben]}", "'ann' is no approver in roles; name them in roles.approver"),
        ("{approver: [ann, ben]}", "nobody may begin an operation; name somebody as operator or platform"),
        ("{operator: [guard], approver: [ann, ben]}", "'guard' is the standing guard's own name"),
        ("{operator: [cat, cat], approver: [ann, ben]}", "'cat' stands twice in operator"),
        ('{operator: [cat], approver: [ann, "*"]}', "'*' is everybody: approver needs no other name beside it"),
        ("{operator: cat, approver: [ann, ben]}", "expected a list, found 'cat'"),
    ],
)
def test_what_is_wrong_with_roles_is_said_with_the_likely_word(roles: str, says: str):
    assert complaints(source(roles))[0].partition(": ")[2] == says


def test_a_quorum_that_no_requester_leaves_possible_is_an_error():
    two = ("quorum: 1", "quorum: 2")
    (found,) = complaints(source("{operator: [ann], approver: [ann, ben]}", two))
    assert "a quorum of 2 cannot be met: whoever may request is asked too" in found
    assert complaints(source("{operator: [ann, cat], approver: [ann, ben]}", two)) == []
    assert complaints(source('{operator: "*", approver: "*"}', two)) == []


def test_without_roles_all_is_left_to_airflow():
    bare = parsed(SMALL).policy
    assert all(may(bare, "anybody", action) for action in Action)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role, action: Action):
    one = {"operator": ["op"], "approver": ["ann", "ben"]}
    one.setdefault(role.value, []).append("zoe")
    text = "{" + ", ".join(f"{name}: [{', '.join(people)}]" for name, people in one.items()) + "}"
    assert may(policy(text), "zoe", action) is (action in MAY[role])


def test_everybody_is_everybody_but_nobody_and_the_guards_name():
    open_to_all = policy('{operator: "*", approver: "*"}')
    assert may(open_to_all, "zoe", Action.REQUEST)
    for person in (None, "", "guard"):
        assert not may(open_to_all, person, Action.REQUEST)
        with pytest.raises(Forbidden):
            permit(open_to_all, person, Action.REQUEST)


def test_a_refusal_says_which_role_it_takes_and_whom_to_ask():
    with pytest.raises(Forbidden) as refused:
        permit(policy("{operator: [cat], approver: [ann, ben], platform: [pat]}"), "ann", Action.REQUEST)
    assert "ann may not request on pay: that takes operator or platform, and ann is approver" in str(refused.value)
    assert refused.value.next_step == "ask cat, pat"


def test_who_may_act_is_no_part_of_what_a_plan_is_made_of():
    """Naming one more operator in the night holds nothing that runs."""
    texts = (SMALL, source('{operator: "*", approver: "*"}'), source("{operator: [cat], approver: [ann, ben]}"))
    assert len({parsed(text).digest for text in texts}) == 1
