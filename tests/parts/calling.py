"""A user of the load tests against a server, in a process of its own since Locust changes the one it is in.

`python -m tests.parts.calling HOST` asks for one search and one stream, and prints what came back, what the statistics
count and which failures they tell.
"""

import json
import sys
from functools import partial

from locust.env import Environment

from loadtests.answers import chat_fault, search_fault
from loadtests.caller import CHAT, Caller

QUESTION = "are you open?"


class User(Caller):
    host = sys.argv[-1]


def main() -> None:
    environment = Environment(user_classes=[User], host=sys.argv[-1])
    environment.create_local_runner()  # which is what counts requests
    user = User(environment)
    search = user.call("POST", "/search", "search", {"query": QUESTION}, check=partial(search_fault, QUESTION))
    plain = user.call("POST", CHAT, "plain chat", {"message": QUESTION}, check=chat_fault)
    stream = user.stream({"message": QUESTION}, check=chat_fault)
    stats = environment.stats
    json.dump(
        {
            "answers": [search, plain, stream],
            "requests": {name: [entry.num_requests, entry.num_failures] for (name, _), entry in stats.entries.items()},
            "faults": {error.name: str(error.error) for error in stats.errors.values()},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
