"""From a store to the records that everything to the right of it reads."""

from __future__ import annotations

from collections import defaultdict

from psychometrics.question import who_is_asked
from psychometrics.records import AdministrationRecord, StoredResponse
from psychometrics.store import Store

__all__ = ["records_of"]


def records_of(store: Store) -> tuple[AdministrationRecord, ...]:
    """One record an administration, in the order in which they were begun, each with its respondent's responses."""
    responses: defaultdict[str, dict[str, StoredResponse]] = defaultdict(dict)
    requests = store.requests()
    for reply in store.replies():
        responses[who_is_asked(reply.address)][reply.address] = StoredResponse(
            reply.address, requests[reply.request], reply.body, reply.endpoint, reply.model
        )
    return tuple(
        AdministrationRecord(
            plan=planned.plan,
            respondent=planned.identity,
            name=planned.name,
            sampling=planned.sampling,
            persona=planned.persona,
            description=planned.description,
            responses=responses[str(planned.who)],
        )
        for planned in store.planned()
    )
