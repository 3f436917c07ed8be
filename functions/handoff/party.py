"""Who calls: the visitor by the token that they got, or the shop by its key."""

from typing import Literal
from uuid import UUID

import msgspec

from core.db.conversations import shop_of
from core.errors import FieldError, InvalidRequest, NotFound, Unauthorized
from core.handoff.tokens import fits, visitor_token
from core.http.request import EdgeRequest
from core.knowledge.once import Once


class Party(msgspec.Struct, frozen=True):
    """One of the two sides of a hand-off."""

    shop_id: int
    side: Literal["visitor", "owner"]

    def once(self, given: Once | None, handoff_id: UUID) -> Once | None:
        """The `Idempotency-Key`, in a name space of the visitor's own: those of a shop are the shop's."""
        if given is None or self.side == "owner":
            return given
        return msgspec.structs.replace(given, key=f"visitor {handoff_id} {given.key}")


def opening_once(given: Once | None, conversation_id: UUID | None) -> Once | None:
    """The `Idempotency-Key` of somebody who has no token yet, in the name space of their conversation.

    A key alone proves nothing: two visitors may send the same, and each would be given the token of the first. The id
    of a conversation is known to who is in it. Raises InvalidRequest without one.
    """
    if given is None:
        return None
    if conversation_id is None:
        rule = "is needed with an Idempotency-Key: it is what makes a request known again as yours"
        raise InvalidRequest(f"conversationId: {rule}", errors=(FieldError("/conversationId", rule),))
    return msgspec.structs.replace(given, key=f"asking {conversation_id} {given.key}")


async def party_of(request: EdgeRequest, handoff_id: UUID) -> Party:
    """The side that calls; raises Unauthorized, and NotFound for what is another shop's."""
    token = visitor_token(request.headers.getall("authorization", []))
    if token is None:
        await request.identify()
        shop_id = await request.claim_row("handoff", handoff_id)
        await request.services.desk.read(shop_id, handoff_id)
        return Party(shop_id, "owner")
    found = await shop_of(request.services.database, "handoff", handoff_id)
    if found is None:
        raise NotFound(f"There is no hand-off {handoff_id}.")
    request.note_shop(found)
    handoff = await request.services.desk.read(found, handoff_id)
    if not fits(token, handoff.token_hash):
        raise Unauthorized("this token is not of this hand-off")
    return Party(found, "visitor")
