"""Ratings, corrections, the learning queue and its decisions, over a real database and a real model."""

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest
from uuid_utils.compat import uuid7

from core.conversations.events import turn_event
from functions import conversations, facts, feedback, learn, search
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.searching import settings_of
from tests.parts.talk import outbox_over, rows, turn

SHOP = 3
RATING = "/api/feedback/rating"
CORRECTION = "/api/feedback/correction"
VOICE = "/api/feedback/voice-correction"
PENDING = "/api/feedback/pending"
APPROVE = "/api/feedback/approve"
UNDO = "/api/feedback/undo"
LEARN = "/api/knowledge/learn"
SEARCH = "/api/knowledge/search"
WRONG = "A hot towel shave costs 30 and takes half an hour."
RIGHT = "A hot towel shave costs 35 and takes half an hour."
QUESTION = "what does a hot towel shave cost?"


@pytest.fixture(scope="module")
async def shop(module_database, model_server):
    """A client of the functions that a shop's page uses, by the first part of the path's last but one segment."""
    settings = settings_of(module_database, model_server)
    key = bearer(new_key(module_database, SHOP))
    async with AsyncExitStack() as stack:
        clients = {}
        for module in (feedback, conversations, facts, learn, search):
            client = await stack.enter_async_context(serving(module.create_app(settings), headers=key, timeout=60))
            clients[module.FUNCTION.name] = client
        yield clients


@pytest.fixture(scope="module")
async def outbox(module_database):
    async with outbox_over(module_database.settings, drains=False) as box:
        yield box


async def talked(outbox, **fields):
    """A conversation of one acknowledged turn; its id as text."""
    one = turn(**fields)
    await outbox.put(turn_event(one))
    return str(one.conversation_id)


async def posted(client, path, body, **options):
    response = await client.post(path, json=body, **options)
    assert response.status_code == 200, response.text
    return response.json()


async def pending(client, **params):
    response = await client.get(PENDING, params={"shopId": SHOP, "limit": 100, **params})
    assert response.status_code == 200, response.text
    return response.json()


async def item_of(client, source_id, **params):
    return next(item for item in (await pending(client, **params))["items"] if item["sourceId"] == source_id)


async def approved(client, item_id, **fields):
    return await posted(client, APPROVE, {"learningQueueId": item_id, "reviewedBy": "Ada", **fields})


async def undone(client, item_id):
    return await posted(client, UNDO, {"learningQueueId": item_id, "reviewedBy": "Ada"})


async def found(clients, query=QUESTION):
    body = {"query": query, "shopId": SHOP, "limit": 20, "threshold": 0.2}
    results = (await posted(clients["search"], SEARCH, body))["results"]
    return {result["id"]: result["content"] for result in results}


async def corrected(clients, outbox, wrong=WRONG, right=RIGHT, **fields):
    conversation = await talked(outbox, response=wrong, message=QUESTION)
    body = {"conversationId": conversation, "originalResponse": wrong, "correctedAnswer": right, **fields}
    return await posted(clients["feedback"], CORRECTION, body)


@pytest.mark.parametrize(
    ("given", "opens"),
    [
        ({"feedbackType": "thumbs_up"}, False),
        ({"feedbackType": "thumbs_down", "reason": "too dear"}, True),
        ({"feedbackType": "star_rating", "rating": 2}, True),
        ({"feedbackType": "star_rating", "rating": 3}, False),
        ({"feedbackType": "emoji", "metadata": {"emoji": "🙂"}}, False),
        ({"feedbackType": "emoji", "rating": 1}, True),
    ],
)
async def test_a_rating_is_kept_and_a_bad_one_opens_an_item(shop, outbox, given, opens):
    conversation = await talked(outbox, message="Is it dear?", response="Not at all.")
    answer = await posted(shop["feedback"], RATING, {"conversationId": conversation, **given})
    assert (True, opens) == (answer["success"], answer["autoCreatedLearningItem"])
    items = [item for item in (await pending(shop["feedback"]))["items"] if item["sourceId"] == answer["feedbackId"]]
    assert opens == bool(items)
    if opens:
        assert ("pending", "feedback", "Not at all.") == tuple(
            items[0][name] for name in ("status", "sourceType", "proposedContent")
        )
        assert ("Is it dear?", given.get("reason")) == (
            items[0]["metadata"]["question"],
            items[0]["metadata"]["reason"],
        )


async def test_a_rating_of_a_conversation_that_there_is_not_is_404(shop):
    """Unless it cannot be looked up in time, on a busy machine: then the rating is taken, and given up later."""
    body = {"conversationId": str(uuid7()), "feedbackType": "thumbs_up"}
    for _ in range(20):
        response = await shop["feedback"].post(RATING, json=body)
        if response.status_code != 200:
            break
    assert is_problem(response, 404, "not-found")


async def test_a_rating_needs_no_key_and_a_star_rating_its_stars(shop, outbox):
    conversation = await talked(outbox)
    client = shop["feedback"]
    body = {"conversationId": conversation, "feedbackType": "star_rating"}
    assert is_problem(await client.post(RATING, json=body), 400, "invalid-request")
    key = client.headers.pop("authorization")
    try:
        await posted(client, RATING, {**body, "rating": 5})
        for path in (CORRECTION, VOICE, APPROVE, UNDO):
            assert is_problem(await client.post(path, json={}), 401, "unauthorized")
    finally:
        client.headers["authorization"] = key


async def test_a_rating_repeated_under_its_key_is_one_rating(shop, outbox, module_database):
    body = {"conversationId": await talked(outbox), "feedbackType": "thumbs_down"}
    headers = {"idempotency-key": str(uuid.uuid4())}
    answers = await asyncio.gather(*(posted(shop["feedback"], RATING, body, headers=headers) for _ in range(3)))
    (feedback_id,) = {answer["feedbackId"] for answer in answers}
    await pending(shop["feedback"])
    counted = "select count(*) from {} where {} = %s"
    for table, column in (("feedback", "id"), ("learning_queue", "source_id")):
        assert [(1,)] == rows(module_database, counted.format(table, column), feedback_id)


@pytest.mark.parametrize("is_written", [False, True])
async def test_another_rating_under_the_same_key_is_refused(shop, outbox, module_database, is_written):
    headers = {"idempotency-key": str(uuid.uuid4())}
    body = {"conversationId": await talked(outbox), "reason": "quick"}
    up, down = ({**body, "feedbackType": f"thumbs_{way}"} for way in ("up", "down"))
    first = await shop["feedback"].post(RATING, json=up, headers=headers)
    if is_written:
        assert await outbox.settle("rating", 20, topic=body["conversationId"])
    refused = await shop["feedback"].post(RATING, json=down, headers=headers)
    assert is_problem(refused, 409, "idempotency-conflict")
    again = await shop["feedback"].post(RATING, json=up, headers=headers)
    assert (first.content, "true") == (again.content, again.headers["idempotent-replayed"])
    assert await outbox.settle("rating", 20, topic=body["conversationId"])
    for table, expected in (("feedback", 1), ("learning_queue", 0)):
        counted = f"select count(*) from {table} where conversation_id = %s"
        assert [(expected,)] == rows(module_database, counted, body["conversationId"])


async def test_a_correction_waits_and_is_searchable_when_its_approval_is_answered(shop, outbox):
    text = "The kiosk behind the salon sells combs until eight."
    answer = await corrected(shop, outbox, "I do not know.", text, correctionContext="asked twice", priority="high")
    item = await item_of(shop["feedback"], answer["correctionId"])
    assert answer["learningQueueId"] == item["id"]
    assert ("correction", text, SHOP) == (item["sourceType"], item["proposedContent"], item["shopId"])
    assert (QUESTION, []) == (item["metadata"]["question"], item["metadata"]["contradicts"])
    decision = await approved(shop["feedback"], item["id"])
    assert ("pending", "approved") == (decision["previousStatus"], decision["newStatus"])
    assert text == (await found(shop, "where can I buy a comb?"))[decision["knowledgeId"]]
    again = await approved(shop["feedback"], item["id"])
    assert ("approved", "approved", decision["knowledgeId"]) == (
        again["previousStatus"],
        again["newStatus"],
        again["knowledgeId"],
    )


async def test_what_contradicts_a_passage_shows_both_replaces_it_and_is_undone(shop, outbox):
    known = await posted(shop["learn"], LEARN, {"shopId": SHOP, "content": WRONG, "category": "prices"})
    item = await item_of(shop["feedback"], (await corrected(shop, outbox))["correctionId"])
    shown = item["metadata"]["contradicts"][0]
    assert (RIGHT, known["id"], WRONG) == (item["proposedContent"], shown["id"], shown["content"])
    decision = await approved(shop["feedback"], item["id"])
    assert known["id"] == decision["knowledgeId"]
    after = await found(shop)
    assert (RIGHT, False) == (after[known["id"]], WRONG in after.values())
    assert "prices" == (await passage(shop, known["id"]))["category"]
    back = await undone(shop["feedback"], item["id"])
    assert ("approved", "pending") == (back["previousStatus"], back["newStatus"])
    assert WRONG == (await found(shop))[known["id"]]
    assert (await approved(shop["feedback"], item["id"]))["knowledgeId"] == known["id"]
    await shop["learn"].delete(f"/api/knowledge/passages/{known['id']}", params={"shopId": SHOP})


async def passage(clients, passage_id):
    path = f"/api/knowledge/passages/{passage_id}"
    return (await clients["learn"].get(path, params={"shopId": SHOP})).json()["passage"]


async def test_an_approval_may_stand_beside_what_it_contradicts_and_is_undone_by_deleting_it(shop, outbox):
    known = await posted(shop["learn"], LEARN, {"shopId": SHOP, "content": WRONG})
    item_id = (await corrected(shop, outbox))["learningQueueId"]
    decision = await approved(shop["feedback"], item_id, replace=False, content=f"{RIGHT} Book ahead.")
    both = await found(shop)
    assert (WRONG, f"{RIGHT} Book ahead.") == (both[known["id"]], both[decision["knowledgeId"]])
    await undone(shop["feedback"], item_id)
    left = await found(shop)
    assert (True, False) == (known["id"] in left, decision["knowledgeId"] in left)
    await shop["learn"].delete(f"/api/knowledge/passages/{known['id']}", params={"shopId": SHOP})


async def test_the_owner_may_choose_which_of_the_nearest_passages_is_replaced(shop, outbox):
    """Of an answer that was not known no passage says what was corrected."""
    against = "No dogs may come into the shop, not even small ones."
    known = await posted(shop["learn"], LEARN, {"shopId": SHOP, "content": against})
    right = "Dogs may come into the shop, even large ones."
    item = await item_of(shop["feedback"], (await corrected(shop, outbox, "I don't know that.", right))["correctionId"])
    assert [] == item["metadata"]["contradicts"]
    assert known["id"] in [one["id"] for one in item["metadata"]["nearest"]]
    body = {"learningQueueId": item["id"], "reviewedBy": "Ada"}
    for stranger in (str(uuid7()), "x"):
        response = await shop["feedback"].post(APPROVE, json={**body, "replaces": stranger})
        assert is_problem(response, 400, "invalid-request")
    assert known["id"] == (await approved(shop["feedback"], item["id"], replaces=known["id"]))["knowledgeId"]
    assert right == (await passage(shop, known["id"]))["content"]
    await undone(shop["feedback"], item["id"])
    assert against == (await passage(shop, known["id"]))["content"]
    await shop["learn"].delete(f"/api/knowledge/passages/{known['id']}", params={"shopId": SHOP})


async def stated(clients, amount, **headers):
    prices = [{"service": "Beard trim", "amount": amount}]
    body = {"shopId": SHOP, "facts": {"timeZone": "UTC", "currency": "GBP", "prices": prices}}
    response = await clients["facts"].put("/api/facts", json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.headers["etag"]


@pytest.mark.parametrize("rated", [False, True])
async def test_an_approval_says_which_facts_go_before_it_until_they_are_changed(shop, outbox, rated):
    tag = (await shop["facts"].get("/api/facts", params={"shopId": SHOP})).headers["etag"]
    tag = await stated(shop, 1400, **({} if tag == '"0"' else {"if-match": tag}))
    said, right = "Beard trim: £14.", "A beard trim costs £16."
    source = {"content": said, "category": "facts", "similarity": 1.0, "source": None}
    conversation = await talked(outbox, response=said, sources=[source])
    body = {"conversationId": conversation}
    if rated:
        given = await posted(shop["feedback"], RATING, {**body, "feedbackType": "thumbs_down"})
        item = await item_of(shop["feedback"], given["feedbackId"])
    else:
        body |= {"originalResponse": said, "correctedAnswer": right}
        item = await item_of(shop["feedback"], (await posted(shop["feedback"], CORRECTION, body))["correctionId"])
    assert [said] == item["metadata"]["contradictsFacts"]["says"]
    decision = await approved(shop["feedback"], item["id"], content=right)
    assert [said] == decision["factsStillSay"]
    assert "the shop's facts still say “Beard trim: £14.”" in decision["message"]
    await stated(shop, 1600, **{"if-match": tag})
    again = await approved(shop["feedback"], item["id"])
    assert ("factsStillSay" in again, "This is knowledge now.") == (False, again["message"])


async def test_a_passage_that_changed_since_is_neither_replaced_nor_taken_back(shop, outbox):
    known = await posted(shop["learn"], LEARN, {"shopId": SHOP, "content": WRONG})
    path, params = f"/api/knowledge/passages/{known['id']}", {"shopId": SHOP}
    item_id = (await corrected(shop, outbox))["learningQueueId"]
    body = {"learningQueueId": item_id, "reviewedBy": "Ada"}
    await shop["learn"].put(path, params=params, json={"content": "Somebody wrote this meanwhile."})
    assert is_problem(await shop["feedback"].post(APPROVE, json=body), 409, "conflict")
    await shop["learn"].put(path, params=params, json={"content": WRONG})
    await approved(shop["feedback"], item_id)
    await shop["learn"].put(path, params=params, json={"content": "Somebody wrote this afterwards."})
    assert is_problem(await shop["feedback"].post(UNDO, json=body), 409, "conflict")
    assert "Somebody wrote this afterwards." == (await passage(shop, known["id"]))["content"]
    await shop["learn"].delete(path, params=params)


async def test_another_decision_is_a_conflict_until_the_first_is_undone(shop, outbox):
    item_id = (await corrected(shop, outbox, "I do not know.", "The till takes cards of every kind."))[
        "learningQueueId"
    ]
    rejected = await approved(shop["feedback"], item_id, decision="reject")
    assert ("rejected", False) == (rejected["newStatus"], "knowledgeId" in rejected)
    body = {"learningQueueId": item_id, "reviewedBy": "Ada"}
    assert is_problem(await shop["feedback"].post(APPROVE, json=body), 409, "conflict")
    await undone(shop["feedback"], item_id)
    assert is_problem(await shop["feedback"].post(UNDO, json=body), 409, "conflict")
    assert "approved" == (await approved(shop["feedback"], item_id))["newStatus"]


async def test_approvals_at_once_write_one_passage(shop, outbox, module_database):
    text = "The waiting room has a library of comics."
    item_id = (await corrected(shop, outbox, "I do not know.", text))["learningQueueId"]
    decisions = await asyncio.gather(*(approved(shop["feedback"], item_id) for _ in range(4)))
    assert 1 == len({decision["knowledgeId"] for decision in decisions})
    assert [(1,)] == rows(module_database, "select count(*) from passage where content = %s", text)


@pytest.mark.parametrize("answer_given", ["", "I don't know that. Shall I ask a person?"])
async def test_an_answer_that_was_rated_badly_is_not_learned_as_it_stands(shop, outbox, answer_given):
    conversation = await talked(outbox, response=answer_given)
    answer = await posted(shop["feedback"], RATING, {"conversationId": conversation, "feedbackType": "thumbs_down"})
    item_id = (await item_of(shop["feedback"], answer["feedbackId"]))["id"]
    body = {"learningQueueId": item_id, "reviewedBy": "Ada"}
    assert is_problem(await shop["feedback"].post(APPROVE, json=body), 400, "invalid-request")
    assert "approved" == (await approved(shop["feedback"], item_id, content="We are closed on Sundays."))["newStatus"]


async def test_a_transcript_is_kept_and_asks_the_owner(shop, outbox, module_database):
    for conversation in (None, await talked(outbox)):
        body = {"transcript": "Tell them that children pay half.", "metadata": {"seconds": 4}}
        body |= {"conversationId": conversation} if conversation else {}
        answer = await posted(shop["feedback"], VOICE, body)
        item = await item_of(shop["feedback"], answer["transcriptId"], sourceType="voice")
        assert body["transcript"] == item["proposedContent"]
    operator = bearer(new_key(module_database, None))
    response = await shop["feedback"].post(VOICE, json={"transcript": "hello"}, headers=operator)
    assert is_problem(response, 403, "forbidden")


async def test_what_is_of_another_shop_does_not_exist_and_the_operator_may_do_all(shop, outbox, module_database):
    other, operator = (bearer(new_key(module_database, shop_id)) for shop_id in (SHOP + 1, None))
    conversation = await talked(outbox, response=WRONG)
    body = {"conversationId": conversation, "originalResponse": WRONG, "correctedAnswer": "Only on Mondays, at nine."}
    client = shop["feedback"]
    assert is_problem(await client.post(CORRECTION, json=body, headers=other), 404, "not-found")
    item_id = (await posted(client, CORRECTION, body, headers=operator))["learningQueueId"]
    decision = {"learningQueueId": item_id, "reviewedBy": "Eve"}
    for path in (APPROVE, UNDO):
        assert is_problem(await client.post(path, json=decision, headers=other), 404, "not-found")
    assert is_problem(await client.get(PENDING, params={"shopId": SHOP}, headers=other), 403, "forbidden")
    assert "approved" == (await posted(client, APPROVE, decision, headers=operator))["newStatus"]


async def test_a_write_under_its_key_is_answered_again_and_done_once(shop, outbox):
    conversation = await talked(outbox)
    headers = {"idempotency-key": str(uuid.uuid4())}
    body = {"conversationId": conversation, "originalResponse": "x", "correctedAnswer": "The bell rings at noon."}
    first, second = [await posted(shop["feedback"], CORRECTION, body, headers=headers) for _ in range(2)]
    assert first == second
    response = await shop["feedback"].post(CORRECTION, json={**body, "priority": "low"}, headers=headers)
    assert is_problem(response, 409, "idempotency-conflict")
    decide = {"learningQueueId": first["learningQueueId"], "reviewedBy": "Ada"}
    headers = {"idempotency-key": str(uuid.uuid4())}
    assert 1 == len({str(await posted(shop["feedback"], APPROVE, decide, headers=headers)) for _ in range(2)})


async def test_pending_is_sorted_filtered_and_paged(shop, outbox):
    urgent = await corrected(shop, outbox, "x", "This one is urgent, please.", priority="urgent")
    low = await corrected(shop, outbox, "x", "This one is of no hurry.", priority="low")
    everything = await pending(shop["feedback"])
    sources = [item["sourceId"] for item in everything["items"]]
    assert sources.index(urgent["correctionId"]) < sources.index(low["correctionId"]) == len(sources) - 1
    second = await pending(shop["feedback"], limit=1, offset=1)
    assert (everything["total"], everything["items"][1:2]) == (second["total"], second["items"])
    rejected = await approved(shop["feedback"], low["learningQueueId"], decision="reject")
    assert "rejected" == rejected["newStatus"]
    (found_item,) = [
        item
        for item in (await pending(shop["feedback"], status="rejected"))["items"]
        if low["learningQueueId"] == item["id"]
    ]
    assert "rejected" == found_item["status"]


async def test_a_rating_is_acknowledged_without_the_database_and_written_when_it_is_back(
    shop, outbox, postgres, module_database
):
    conversation = await talked(outbox)
    await pending(shop["feedback"])  # settles nothing of turns; the rating below must wait for its turn by itself
    with unreachable(postgres, module_database):
        answer = await posted(shop["feedback"], RATING, {"conversationId": conversation, "feedbackType": "thumbs_down"})
        response = await shop["feedback"].get(PENDING, params={"shopId": SHOP})
        assert is_problem(response, 503, "database-unavailable")
    for _ in range(20):
        items = [one for one in (await pending(shop["feedback"]))["items"] if one["sourceId"] == answer["feedbackId"]]
        if items:
            break
    assert 1 == len(items)


@pytest.mark.parametrize("is_written", [False, True])
async def test_of_two_shops_with_one_conversation_id_the_one_that_is_named_gets_the_rating(
    shop, outbox, module_database, is_written
):
    mine = await talked(outbox)
    other = turn(uuid.UUID(mine), shop_id=SHOP + 1)
    await outbox.put(turn_event(other))
    if is_written:
        assert await outbox.settle("turn", 20, topic=mine)
    body = {"conversationId": mine, "feedbackType": "thumbs_up"}
    for named in (SHOP, SHOP + 1):
        await posted(shop["feedback"], RATING, {**body, "shopId": named}, headers={"idempotency-key": "1"})
    assert await outbox.settle("rating", 20, topic=mine)
    kept = rows(module_database, "select shop_id from feedback where conversation_id = %s order by 1", mine)
    assert [(SHOP,), (SHOP + 1,)] == kept
    if is_written:
        nobodys = await shop["feedback"].post(RATING, json={**body, "shopId": SHOP + 2})
        assert is_problem(nobodys, 404, "not-found")


async def test_nothing_blank_is_learned(shop, outbox):
    item_id = (await corrected(shop, outbox))["learningQueueId"]
    for blank in ("", " ", "\u2003\n"):
        body = {"learningQueueId": item_id, "reviewedBy": "Ada", "content": blank}
        assert is_problem(await shop["feedback"].post(APPROVE, json=body), 400, "invalid-request")
