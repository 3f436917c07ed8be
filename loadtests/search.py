"""The promised load: `locust -f loadtests/` ramps to 50 visitors who search, and judges against ops/slo.toml.

EDGE_LOAD_SCALE shortens the times (0.05: the nine minutes become 27 seconds). Exit status 3 when a level is broken.
"""

import os
import random

from locust import FastHttpUser, LoadTestShape, between, events, task

from ops.slo import load

LEVELS = load()
PROMISED = LEVELS.promised
SCALE = float(os.environ.get("EDGE_LOAD_SCALE", "1"))
SUBJECTS = ("a haircut", "a skin fade", "a beard trim", "a hot towel shave", "a kids cut", "a gift voucher", "parking")
FORMS = (
    "how much is {}?",
    "do you do {}",
    "what does {} cost on saturday",
    "tell me about {}",
    "can i book {} for {n}?",
)
BREACH = 3


class Visitor(FastHttpUser):
    """Asks the shop one thing after another; every third question is one that nobody asked before."""

    host = f"http://{os.environ.get('EDGE_HOST', '127.0.0.1')}:{os.environ.get('EDGE_PORT', '8080')}"
    wait_time = between(0.5, 2.0)

    @task
    def search(self):
        fresh = random.random() < 1 / 3
        number = random.randrange(1_000_000) if fresh else random.randrange(2, 5)
        form = random.choice(FORMS) if not fresh else FORMS[-1]
        question = form.format(random.choice(SUBJECTS), n=number)
        body = {"query": question, "shopId": 1}
        with self.client.post("/api/knowledge/search", json=body, catch_response=True) as answer:
            if answer.status_code != 200:  # noqa: PLR2004 - HTTP
                answer.failure(f"status {answer.status_code}")
            elif answer.request_meta["response_time"] > PROMISED.search_s * 1000:
                answer.failure(f"slower than {PROMISED.search_s} s")


class Ramp(LoadTestShape):
    """The ramp of ops/slo.toml, straight lines between its points."""

    def tick(self):
        now = self.get_run_time() / SCALE
        begin, users = 0.0, 0
        for stage in LEVELS.ramp:
            if now < stage.end_s:
                share = (now - begin) / (stage.end_s - begin)
                wanted = max(1, round(users + (stage.users - users) * share))
                return wanted, max(1.0, 2 / SCALE)
            begin, users = stage.end_s, stage.users
        return None


@events.quitting.add_listener
def judge(environment, **_):
    """Print each promised level beside what was measured; exit status 3 when one is broken."""
    total = environment.stats.total
    rows = [
        ("requests", total.num_requests, None),
        ("failed", total.fail_ratio, PROMISED.error_rate),
        ("p50 s", total.get_response_time_percentile(0.5) / 1000, PROMISED.response_p50_s),
        ("p95 s", total.get_response_time_percentile(0.95) / 1000, PROMISED.response_p95_s),
        ("p99 s", total.get_response_time_percentile(0.99) / 1000, PROMISED.response_p99_s),
    ]
    broken = total.num_requests == 0 or any(limit is not None and value > limit for _, value, limit in rows)
    for name, value, limit in rows:
        print(f"{name:<10} {value:>10.4g}   {'' if limit is None else f'limit {limit}'}")  # noqa: T201
    environment.process_exit_code = BREACH if broken else 0
