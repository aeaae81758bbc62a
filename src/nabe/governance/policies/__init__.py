"""One file per rule. A policy is `rule(request, facts) -> Verdict | None`; None: this rule has nothing to say.

Combined by `governance.decide`: no PERMIT denies, any DENY denies, all NARROWs apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nabe.governance.facts import Facts
from nabe.governance.policies.approval_by_owner import approval_by_owner
from nabe.governance.policies.audit_roles import audit_roles
from nabe.governance.policies.declare_roles import declare_roles
from nabe.governance.policies.delivery_by_owner import delivery_by_owner
from nabe.governance.policies.ethics import ethics
from nabe.governance.policies.grants import grants
from nabe.governance.policies.membership import membership
from nabe.governance.policies.open_data import open_data
from nabe.governance.policies.own_product import own_product
from nabe.governance.policies.personal_data import personal_data
from nabe.governance.policies.product_release import product_release
from nabe.governance.policies.purpose_limitation import purpose_limitation
from nabe.governance.policies.quality_job import quality_job
from nabe.governance.policies.quality_roles import quality_roles
from nabe.governance.policies.reach_roles import reach_roles
from nabe.governance.policies.snapshot_declared import snapshot_declared
from nabe.governance.policies.stream_erasers import stream_erasers
from nabe.governance.policies.stream_writers import stream_writers
from nabe.governance.policies.use_case_active import use_case_active
from nabe.governance.policies.visibility import visibility
from nabe.model.decision import Action, Request, Verdict

Policy = Callable[[Request, Facts], Verdict | None]

#: Which rules speak on which action.
POLICIES: Mapping[Action, tuple[Policy, ...]] = {
    Action.READ: (
        open_data,
        purpose_limitation,
        use_case_active,
        ethics,
        membership,
        own_product,
        grants,
        personal_data,
        product_release,
    ),
    Action.FIND: (visibility,),
    Action.DECLARE: (declare_roles,),
    Action.APPROVE: (approval_by_owner,),
    Action.AUDIT: (audit_roles,),
    Action.SNAPSHOT: (snapshot_declared,),
    Action.REACH: (reach_roles,),
    Action.DELIVER: (delivery_by_owner,),
    Action.CHECK: (quality_job, quality_roles),
    Action.WRITE: (stream_writers,),
    Action.ERASE: (stream_erasers,),
}
