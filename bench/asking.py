"""Questions to a running server that holds the bench's history: the console's builders in a browser, and the memory that a
trend takes whose events are told apart by a million values."""

import json
import os
import statistics
import threading
import time

from history import EVENTS, USERS
from servers import LOADER, ROOT, Failure, Muster, run

ORDERS = int(os.environ.get("BENCH_ORDERS", 1_000_000))
ROUNDS = 10
BUILDERS = {
    "trend": "a trend of 180 days by a property of users",
    "funnel": "a funnel of 3 steps, a week",
    "retention": "retention of 12 weeks",
    "path": "a path of 4 levels, a day",
}
SPAN = {"from": "2026-01-01", "to": "2026-07-01"}
# One event of twenty-five, and all of them.
TOLD_APART = {"one": {"event": "event 3"}, "all": {"active": True}}
MEMORY_ROUNDS = 3


def asking(results, scratch, wanted):
    """Fills a directory, serves it, and asks."""
    data = scratch.directory("asking")
    # Key and owner come first: whoever fills the directory adds events and nothing else.
    with Muster(data) as muster:
        cookie = muster.become_owner()
    filled = [LOADER, "history-fill", data, "--events", EVENTS, "--users", USERS, "--orders", ORDERS]
    results.add("asking.events_s", EVENTS / json.loads(run(filled))["taken_s"])
    with Muster(data) as muster:
        if "reports" in wanted:
            command = ["node", "bench/reports.mjs", f"http://127.0.0.1:{muster.port}", cookie, 1, ROUNDS]
            for name, times in json.loads(run(command, cwd=ROOT / "console")).items():
                results.add(f"reports.{name}.ms", statistics.median(times), worst=max(times), times=times)
                results.add(f"reports.{name}.worst_ms", max(times))
        if "values" in wanted:
            for name, pattern in TOLD_APART.items():
                by_order(results, muster, name, pattern)


def by_order(results, muster, name, pattern):
    """A trend by the orders of its events: the most memory of its own that the process took beyond what it had before."""
    asked = {"series": [{**pattern, "measure": "total"}], "interval": "month", **SPAN}
    plain = trend(muster, asked)["series"][0]["total"]
    for _ in range(MEMORY_ROUNDS):
        time.sleep(2)
        before, most, ended = muster.resident_mb("RssAnon"), [0.0], threading.Event()

        def sample():
            while not ended.wait(0.002):
                most[0] = max(most[0], muster.resident_mb("RssAnon"))

        sampler = threading.Thread(target=sample)
        sampler.start()
        begun = time.monotonic()
        try:
            line = trend(muster, {**asked, "breakdown": {"event": "order"}})["series"][0]
        finally:
            taken_s = time.monotonic() - begun
            ended.set()
            sampler.join()
        rows = [*line["groups"], line["other"]]
        added = [sum(values) for values in zip(*(row["values"] for row in rows))]
        if line["total"] != plain or added != plain["values"] or sum(row["whole"] for row in rows) != plain["whole"]:
            raise Failure(f"the rows of {name} do not add up to their total")
        values = len(line["groups"]) + line["groups_left_out"]
        results.add(f"values.{name}.mb", most[0] - before, before=before, taken_s=taken_s, values=values)


def trend(muster, question):
    headers = {"Content-Type": "application/json"}
    return muster.call("POST", "/v1/reports/trend", json.dumps(question), headers, 200)


def rows(results, add):
    """The rows of the table. `add` takes row, what, here, other name, there, ratio, goal, met."""

    def at_most(row, what, name, unit, goal):
        here = results.median(name)
        shown = "–" if here is None else f"{here:,.1f} {unit}"
        add(row, what, shown, "", "", "", f"≤ {goal} {unit}", None if here is None else here <= goal)

    for name, what in BUILDERS.items():
        at_most("reports", f"console: from the choice to the answer, {what}", f"reports.{name}.ms", "ms", 300)
        at_most("reports", "the same, the worst of ten", f"reports.{name}.worst_ms", "ms", 300)
    for name, what in (("one", "of one event"), ("all", "of all events")):
        at_most("values", f"memory of a trend by {ORDERS:,} values, {what}", f"values.{name}.mb", "MB", 64)
