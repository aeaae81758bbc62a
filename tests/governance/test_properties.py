"""What holds for every decision, whatever the world looks like."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.errors import Denied, Invalid
from nabe.governance.constrain import constrain
from nabe.governance.decide import decide
from nabe.governance.facts import Facts
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.decision import Action, Request
from nabe.model.expr import Compare, Op
from nabe.model.party import Actor, Organisation, OrganisationKind, Role
from nabe.model.query import Order, Scan, SealedScan
from nabe.model.text import Text
from nabe.model.usecase import OPEN_DATA, Approval, EthicsState, Grant, Member, UseCase, UseCaseState

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
NAMES = ("a", "b", "c", "d")

fields = st.lists(st.booleans(), min_size=1, max_size=4).map(
    lambda marks: tuple(
        Field(name, FieldType.NUMBER, personal=personal) for name, personal in zip(NAMES, marks, strict=False)
    )
)
datasets = st.builds(
    lambda access, fields: Dataset("data", Text("d"), "amt", access, fields), st.sampled_from(list(Access)), fields
)
grants = st.builds(
    Grant,
    dataset=st.just("data"),
    columns=st.lists(st.sampled_from((*NAMES, "*")), unique=True).map(tuple),
    min_group=st.sampled_from((0, 5)),
    rounding=st.just({}),
    expires=st.sampled_from((None, NOW.date(), NOW.date() - dt.timedelta(days=1))),
    approval=st.sampled_from((None, Approval("owner", NOW))),
)
usecases = st.builds(
    UseCase,
    id=st.just("case"),
    title=st.just(Text("c")),
    purpose=st.just(Text("p")),
    owner=st.just("amt"),
    legal_basis=st.sampled_from(("", "§ 1")),
    state=st.sampled_from(list(UseCaseState)),
    ethics=st.sampled_from(list(EthicsState)),
    members=st.lists(
        st.builds(
            Member,
            person=st.sampled_from(("", "eva")),
            role=st.sampled_from((None, Role.EMPLOYEE)),
            organisation=st.sampled_from(("", "amt")),
        ),
        max_size=2,
    ).map(tuple),
    grants=st.lists(grants, max_size=1).map(tuple),
    expires=st.sampled_from((None, NOW.date(), NOW.date() - dt.timedelta(days=1))),
)
actors = st.builds(
    Actor,
    id=st.sampled_from(("eva", "otto", "anonymous")),
    organisation=st.sampled_from(("", "amt", "fremd")),
    roles=st.frozensets(st.sampled_from(list(Role)), max_size=3),
)


def _decide(actor, dataset, case, use_case):
    organisations = [
        Organisation("amt", Text("Amt")),
        Organisation("fremd", Text("Fremd"), OrganisationKind.OTHER_MUNICIPALITY),
    ]
    snapshot = Snapshot.of([*organisations, dataset, case], 1)
    facts = Facts(snapshot, dataset, snapshot.usecases.get(use_case))
    return decide(Request(actor, Action.READ, dataset.id, use_case, NOW), facts), snapshot


@given(actors, datasets, usecases, st.sampled_from((OPEN_DATA, "case", "other")))
def test_a_permit_has_a_reason_that_would_satisfy_a_court(actor, dataset, case, use_case):
    decision, snapshot = _decide(actor, dataset, case, use_case)
    if not decision.permit:
        return
    personal = {field.name for field in dataset.fields if field.personal}
    shown = decision.obligations.columns & personal
    by_grant = any(verdict.policy == "grants" and verdict.effect == "permit" for verdict in decision.because)
    assert dataset.access is Access.OPEN or by_grant
    assert not shown or by_grant
    if by_grant:
        grant = case.grant("data")
        assert use_case == "case" and grant is not None and grant.approval is not None
        assert case.state is UseCaseState.ACTIVE and case.ethics is not EthicsState.OBJECTED
        assert grant.expires is None or grant.expires >= NOW.date()
        assert any(
            (not member.person or member.person == actor.id)
            and (member.role is None or member.role in actor.roles)
            and (not member.organisation or member.organisation in snapshot.ancestry(actor.organisation))
            for member in case.members
            if member.person or member.role or member.organisation
        )
        assert shown <= set(grant.columns) and (not shown or case.legal_basis or grant.min_group > 1)
        assert decision.obligations.min_group == grant.min_group


@given(
    actors,
    datasets,
    usecases,
    st.sampled_from((OPEN_DATA, "case")),
    st.lists(st.sampled_from((*NAMES, "zz")), max_size=3).map(tuple),
    st.sampled_from((*NAMES, "zz")),
)
def test_sealing_never_widens(actor, dataset, case, use_case, wanted, filtered):
    decision, _ = _decide(actor, dataset, case, use_case)
    scan = Scan("data", wanted, Compare(filtered, Op.EQ, 1.0), (Order(filtered),))
    try:
        sealed = constrain(scan, dataset, decision)
    except (Denied, Invalid):
        readable = decision.obligations.columns if decision.permit else set()
        assert not {*wanted, filtered} <= readable
        return
    assert decision.permit
    assert {*sealed.fields, filtered} <= decision.obligations.columns
    assert (sealed.floor.size if sealed.floor else 0) == decision.obligations.min_group


def test_nobody_but_constrain_can_make_a_sealed_scan():
    dataset = Dataset("data", Text("d"), "amt", Access.OPEN, (Field("a", FieldType.STRING),))
    with pytest.raises(TypeError, match="constrain"):
        SealedScan(dataset, ("a",), "made up")
