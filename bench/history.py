"""The history rows of `bench/run`: the same events and users in Muster's history and in ClickHouse, asked the same."""

import json
import os
import shutil
import statistics
import subprocess
import sys

from servers import LOADER, ROOT, TARGET, Failure, run

EVENTS = int(os.environ.get("BENCH_HISTORY_EVENTS", 20_000_000))
USERS = EVENTS // 20
# Ingest with and without history is compared on a part of the events: it takes them twice.
COMPARED_EVENTS = min(EVENTS, 3_000_000)
ASKED_ROUNDS = 9
RIVALS = {"chdb": "4.4.0", "duckdb": "2.0.0"}
# What ClickHouse is asked as well, and the goal of each: how many times as fast; without one it is only told.
TIMED = {
    "counts": ("daily counts of one event", 10),
    "uniques_by_property": ("daily unique users by a user property", 10),
    "funnel": ("funnel of 3 steps, a week", 10),
    "funnel_ten": ("funnel of 10 steps, a week", None),
    "retention": ("retention of 12 weeks", 10),
    "segment": ("count of a behavioural segment", 10),
    "segment_first": ("its first 50 members by last seen", 10),
}


def python_with_rivals():
    """ClickHouse and DuckDB as Python packages, in a virtual environment of their own, installed if it is not there yet."""
    home = TARGET / "-".join(f"{name}-{version}" for name, version in RIVALS.items())
    python = home / "bin/python"
    if not (home / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        packages = [f"{name}=={version}" for name, version in RIVALS.items()]
        subprocess.run([home / "bin/pip", "install", "--quiet", *packages], check=True)
        (home / "installed").touch()
    return python


def history(results, scratch):
    """Fills both, asks both, and compares times, bytes and every answer."""
    rows, data = scratch.directory("history-rows"), scratch.directory("history")
    filled = json.loads(run([LOADER, "history-fill", data, "--events", EVENTS, "--users", USERS, "--rows", rows]))
    results.add("history.events_s", (EVENTS + USERS) / (filled["taken_s"] + filled["behind_s"]), **filled)
    kept = data / "environments/1/history"
    bytes_kept = sum(file.stat().st_size for file in kept.rglob("*") if file.is_file())
    results.add("history.muster.bytes", bytes_kept / (EVENTS + USERS))
    mine = {
        threads: json.loads(run([LOADER, "history-ask", data, "--threads", threads, "--rounds", ASKED_ROUNDS]))
        for threads in (1, 2)
    }
    shutil.rmtree(data)
    clickhouse = [python_with_rivals(), ROOT / "bench/clickhouse.py", rows, 2, ASKED_ROUNDS]
    theirs = json.loads(run(clickhouse, cwd=scratch.directory("clickhouse")))
    duck = [python_with_rivals(), ROOT / "bench/duck.py", rows, 2, ASKED_ROUNDS]
    duck = json.loads(run(duck, cwd=scratch.directory("duck")))["segment_first"]
    equal("segment_first of DuckDB", mine[2]["segment_first"]["answer"], duck["answer"])
    results.add("history.segment_first.duckdb_ms", statistics.median(duck["ms"]))
    for name in TIMED:
        equal(name, mine[2][name]["answer"], theirs[name]["answer"])
        results.add(f"history.{name}.muster_ms", statistics.median(mine[2][name]["ms"]))
        results.add(f"history.{name}.clickhouse_ms", statistics.median(theirs[name]["ms"]), **theirs[name]["medians"])
    equal("scan", mine[2]["scan"]["answer"], theirs["scan"]["answer"])
    results.add("history.scan.one_ms", statistics.median(mine[1]["scan"]["ms"]))
    results.add("history.scan.two_ms", statistics.median(mine[2]["scan"]["ms"]))
    results.add("history.scan.clickhouse_ms", statistics.median(theirs["scan"]["ms"]))
    results.add("history.parquet.bytes", theirs["parquet_bytes_an_event"], **theirs["bytes_an_event"])
    results.add("history.start.s", mine[2]["started_s"])
    results.add("history.resident.mb", mine[2]["resident_kb"] / 1024, own_mb=mine[2]["resident_own_kb"] / 1024)
    for name in ("timeline", "explorer", "path"):
        results.add(f"history.{name}.ms", statistics.median(mine[2][name]["ms"]))
    ingest(results, scratch)


def ingest(results, scratch):
    """Events taken a second while history is made of them, and while it is not."""
    for name, options in (("without", ["--without-history"]), ("with", [])):
        size = ["--events", COMPARED_EVENTS, "--users", COMPARED_EVENTS // 20]
        filled = json.loads(run([LOADER, "history-fill", scratch.directory(name), *size, *options]))
        results.add(f"history.ingest.{name}", COMPARED_EVENTS / filled["taken_s"], **filled)
        os.sync()


def equal(name, mine, theirs):
    """Fails unless both counted the same. Days without events are only in Muster's answer; elsewhere a zero has its place."""
    is_daily = name in ("counts", "uniques_by_property", "scan")
    counted = {group: [count for count in counts if count or not is_daily] for group, counts in mine}
    other = {group: [count for count in counts if count or not is_daily] for group, counts in theirs.items()}
    if counted != other or not any(counted.values()):
        raise Failure(f"{name}: the answers are not the same")


def rows(results, add):
    """The rows of the table. `add` takes what, here, other name, there, ratio, goal, met."""

    def ratio_row(what, here, other_name, there, unit, goal, factor=None, at_most=False):
        mine, theirs = results.median(here), results.median(there)
        if not (mine and theirs):
            return add(what, "–", other_name, "–", "–", goal, None)
        ratio = factor(mine, theirs) if factor else mine / theirs
        limit = float(goal.split()[1]) if goal else ratio
        met = ratio <= limit if at_most else ratio >= limit
        return add(what, f"{mine:,.2f} {unit}", other_name, f"{theirs:,.2f} {unit}", f"{ratio:.2f}", goal, met)

    def faster(mine, theirs):
        return theirs / mine

    orders = "ClickHouse, the faster of two orders"
    for name, (what, goal) in TIMED.items():
        goal = f"≥ {goal}" if goal else ""
        ratio_row(what, f"history.{name}.muster_ms", orders, f"history.{name}.clickhouse_ms", "ms", goal, faster)
    first = "history.segment_first"
    ratio_row(TIMED["segment_first"][0], f"{first}.muster_ms", "DuckDB", f"{first}.duckdb_ms", "ms", "≥ 10", faster)
    scan = "unique users of all events, by day, two threads"
    ratio_row(scan, "history.scan.two_ms", "one thread", "history.scan.one_ms", "ms", "≥ 1.7", faster)
    parquet = "the same columns in Parquet, zstd 3"
    ratio_row("bytes an event", "history.muster.bytes", parquet, "history.parquet.bytes", "B", "≤ 1.2", at_most=True)
    without = "the same without history"
    ratio_row("durable ingest", "history.ingest.with", without, "history.ingest.without", "events/s", "≥ 0.8")
    for what, name, unit, limit in (
        (f"start with {EVENTS:,} events", "history.start.s", "s", 2),
        ("resident memory after scans of all history", "history.resident.mb", "MB", 500),
    ):
        figure = results.median(name)
        here = "–" if figure is None else f"{figure:,.2f} {unit}"
        add(what, here, "", "", "", f"≤ {limit} {unit}", None if figure is None else figure <= limit)
