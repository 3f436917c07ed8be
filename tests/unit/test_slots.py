"""The limit of the chat model: so many at work, so many in line, over all processes of a home."""

import pytest

from core.errors import ModelOverloaded
from core.models.slots import Slots


async def test_the_first_in_line_is_the_first_to_have_a_slot(tmp_path):
    slots = Slots(tmp_path, running=1, waiting=2)
    first, second, third = (slots.join() for _ in range(3))
    assert [0, 1, 2] == [ticket.ahead for ticket in (first, second, third)]
    assert await first.ready(0)
    assert [False, False] == [await ticket.ready(0) for ticket in (third, second)]
    first.leave()
    assert [False, True] == [await ticket.ready(0) for ticket in (third, second)]
    second.leave()
    assert await third.ready(0)
    third.leave()
    assert (0, 0) == (slots.at_work, len(slots.line))


@pytest.mark.parametrize("processes", [1, 2])
async def test_one_more_than_may_work_and_wait_is_turned_away(tmp_path, processes):
    slots = [Slots(tmp_path, running=1, waiting=1) for _ in range(processes)]
    tickets = [slots[0].join(), slots[-1].join()]
    for one in slots:
        with pytest.raises(ModelOverloaded):
            one.join()
    tickets[0].leave()
    assert await slots[-1].line[0].ready(0)
    tickets[0] = slots[0].join()
    assert not await tickets[0].ready(0)
    for ticket in tickets:
        ticket.leave()


async def test_leaving_the_line_lets_the_next_one_move_up(tmp_path):
    slots = Slots(tmp_path, running=1, waiting=2)
    first, second, third = (slots.join() for _ in range(3))
    assert await first.ready(0)
    second.leave()
    first.leave()
    assert await third.ready(0)
    third.leave()


async def test_without_files_the_limit_holds_within_the_process(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.touch()
    slots = Slots(nowhere, running=1, waiting=0)
    ticket = slots.join()
    assert await ticket.ready(0)
    with pytest.raises(ModelOverloaded):
        slots.join()
    ticket.leave()
    slots.join().leave()
