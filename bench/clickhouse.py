"""ClickHouse at the questions that history answers. Runs in a Python that has `chdb`; prints one JSON line.

Usage: clickhouse.py DIRECTORY THREADS ROUNDS. DIRECTORY holds `events.bin` and `users.bin`, which `muster-bench history-fill`
wrote. The events are loaded into both natural orders of MergeTree; each question is asked of both, and each of them has
the forms of SQL that were fastest for it.
"""

import json
import os
import sys
import time
from pathlib import Path

from chdb.session import Session

EVENTS = """uid UInt32, ts DateTime64(3, 'UTC'), event LowCardinality(String), platform LowCardinality(String),
  url LowCardinality(String), amount Float64"""
# Inside a text of SQL.
RAW_EVENTS = "uid UInt32, ts DateTime64(3, \\'UTC\\'), event String, platform String, url String, amount Float64"
ORDERS = {"by_user": "(uid, ts)", "by_event": "(event, toDate(ts), uid)"}
ASKED = "event 3"
# The first day of the events, the Monday before it, and the first day behind them (bench/src/history.rs).
FIRST_MONDAY, END = "2025-12-29", "2026-06-30 00:00:00"
WEEK_MS = 7 * 86_400_000
SEGMENT_COUNTRIES = "country IN ('US', 'GB', 'DE')"
SEGMENT_EVENTS = f"event = '{ASKED}' AND ts >= toDateTime64('{END}', 3, 'UTC') - INTERVAL 30 DAY"


def funnel(steps):
    """How many users came as far as each step within a week of the first."""
    names = [f"event = 'event {step}'" for step in range(steps)]
    meant = ", ".join(f"'event {step}'" for step in range(steps))
    return f"""SELECT '' g, step d, countIf(level >= step) c FROM (
        SELECT uid, windowFunnel({WEEK_MS})(toUInt64(toUnixTimestamp64Milli(ts)), {", ".join(names)}) level FROM {{table}}
        WHERE event IN ({meant}) GROUP BY uid) ARRAY JOIN range(1, {steps + 1}) AS step GROUP BY d ORDER BY d"""


def retention(weeks):
    """By week of the first start: how many, and how many of them returned so many weeks later. The weeks are bits."""
    week = f"intDiv(toUInt32(toDate({{ts}})) - toUInt32(toDate('{FIRST_MONDAY}')), 7)"
    returned = ", ".join(f"sum(bitAnd(bitShiftRight(mask, week + {period}), 1))" for period in range(weeks))
    return f"""SELECT toString(week) g, d, c FROM (SELECT week, [count(), {returned}] cs FROM (
            SELECT uid, toUInt32({week.format(ts="minIf(ts, event = 'event 0')")}) week, countIf(event = 'event 0') starts,
                groupBitOrIf(bitShiftLeft(toUInt32(1), toUInt8({week.format(ts="ts")})), event = 'event 2') mask
            FROM {{table}} WHERE event IN ('event 0', 'event 2') GROUP BY uid HAVING starts > 0 AND week < {weeks})
        GROUP BY week) ARRAY JOIN cs AS c, arrayEnumerate(cs) AS d"""


def segment(inside):
    """Users of three countries who did something three times lately. `inside`: whether the countries are asked of the events
    first."""
    first = f"AND uid IN (SELECT uid FROM users WHERE {SEGMENT_COUNTRIES})" if inside else ""
    return f"""users WHERE {SEGMENT_COUNTRIES} AND uid IN (
        SELECT uid FROM {{table}} WHERE {SEGMENT_EVENTS} {first} GROUP BY uid HAVING count() >= 3)"""


def segment_count(inside):
    return f"SELECT '' g, 0 d, count() c FROM {segment(inside)}"


def segment_first(inside):
    """Its first members by last seen, as their numbers from 1 on."""
    first = f"SELECT uid + 1 c FROM {segment(inside)} ORDER BY last_seen DESC LIMIT 50"
    return f"SELECT '' g, rowNumberInAllBlocks() d, c FROM ({first})"

# What is asked, as SQL that yields group, day and count.
QUESTIONS = {
    "counts": [
        f"SELECT '' g, toDate(ts) d, count() c FROM {{table}} WHERE event = '{ASKED}' GROUP BY d ORDER BY d",
    ],
    "uniques_by_property": [
        f"""SELECT dictGet('countries', 'country', toUInt64(uid)) g, toDate(ts) d, uniqExact(uid) c FROM {{table}}
            WHERE event = '{ASKED}' GROUP BY g, d ORDER BY g, d""",
        f"""SELECT country g, d, count() c FROM (SELECT DISTINCT toDate(ts) d, uid FROM {{table}} WHERE event = '{ASKED}') e
            JOIN users USING (uid) GROUP BY g, d ORDER BY g, d""",
    ],
    "scan": [
        "SELECT '' g, toDate(ts) d, uniqExact(uid) c FROM {table} GROUP BY d ORDER BY d",
    ],
    "funnel": [funnel(3)],
    "funnel_ten": [funnel(10)],
    "retention": [retention(12)],
    "segment": [segment_count(inside) for inside in (False, True)],
    "segment_first": [segment_first(inside) for inside in (False, True)],
}


def load(session, directory):
    """Makes both tables of events, the users, and a dictionary of their countries."""
    session.query("CREATE DATABASE b ENGINE = Atomic")
    session.query("USE b")
    for name, order in ORDERS.items():
        session.query(f"CREATE TABLE {name} ({EVENTS}) ENGINE = MergeTree ORDER BY {order}")
        session.query(f"INSERT INTO {name} SELECT * FROM file('{directory}/events.bin', RowBinary, '{RAW_EVENTS}')")
        session.query(f"OPTIMIZE TABLE {name} FINAL")
    session.query("""CREATE TABLE users (uid UInt32, country LowCardinality(String), last_seen DateTime64(3, 'UTC'))
        ENGINE = MergeTree ORDER BY uid""")
    session.query(f"""INSERT INTO users SELECT uid, country, seen.last_seen
        FROM file('{directory}/users.bin', RowBinary, 'uid UInt32, country String') known
        LEFT JOIN (SELECT uid, max(ts) last_seen FROM by_user GROUP BY uid) seen USING (uid)""")
    users = int(str(session.query("SELECT max(uid) + 2 FROM users", "CSV")).strip())
    session.query(f"""CREATE DICTIONARY countries (uid UInt64, country String) PRIMARY KEY uid
        SOURCE(CLICKHOUSE(DB 'b' QUERY 'SELECT toUInt64(uid) AS uid, country FROM b.users'))
        LAYOUT(FLAT(INITIAL_ARRAY_SIZE {users} MAX_ARRAY_SIZE {users})) LIFETIME(0)""")


def answer(session, sql):
    """The answer in the form in which `muster-bench history-ask` prints its own: counts in order, by group."""
    groups = {}
    for line in str(session.query(sql, "JSONCompactEachRow")).splitlines():
        group, place, count = json.loads(line)
        groups.setdefault(group, []).append((place, int(count)))
    return {group: [count for _, count in sorted(places)] for group, places in groups.items()}


def ask(session, rounds):
    """The milliseconds of each round of the fastest table and form of each question, and its answer."""
    results = {}
    for name, forms in QUESTIONS.items():
        tried = {}
        for table in ORDERS:
            for number, form in enumerate(forms):
                sql = form.format(table=table)
                try:
                    session.query(sql, "Null")
                except Exception as error:  # a form that this version does not know
                    print(f"{name} on {table}, form {number}: {error}", file=sys.stderr)
                    continue
                times = []
                for _ in range(rounds):
                    begun = time.perf_counter()
                    session.query(sql, "Null")
                    times.append((time.perf_counter() - begun) * 1e3)
                tried[sorted(times)[len(times) // 2]] = (table, number, times, sql)
        table, number, times, sql = tried[min(tried)]
        medians = {f"{t} {n}": median for median, (t, n, _, _) in tried.items()}
        results[name] = {"table": table, "form": number, "ms": times, "medians": medians, "answer": answer(session, sql)}
    return results


def parquet_bytes(session, directory, events):
    """Bytes of the same columns in Parquet, zstd 3, by user and time: ids as they were sent, both times, the position."""
    path = Path(directory) / "events.parquet"
    session.query(f"""SELECT concat('user_', leftPad(toString(uid), 7, '0')) user_id, event, platform, url, amount, ts occurred_at,
        toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalMicrosecond(position) received_at, position
        FROM (SELECT *, rowNumberInAllBlocks() position FROM file('{directory}/events.bin', RowBinary, '{RAW_EVENTS}')
              SETTINGS max_threads = 1)
        ORDER BY uid, ts INTO OUTFILE '{path}' FORMAT Parquet
        SETTINGS output_format_parquet_compression_method = 'zstd', output_format_parquet_row_group_size = 1000000""")
    return os.path.getsize(path) / events


def for_duckdb(session, directory):
    """What `duck.py` asks: events and users as Parquet."""
    for name, query in (("events", "SELECT uid, ts, toString(event) event FROM by_user ORDER BY uid, ts"),
                        ("users", "SELECT uid, toString(country) country, last_seen FROM users ORDER BY uid")):
        session.query(f"{query} INTO OUTFILE '{directory}/{name}.duck.parquet' FORMAT Parquet")


def main():
    directory, threads, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    session = Session()
    session.query(f"SET max_threads = {threads}")
    load(session, directory)
    results = ask(session, rounds)
    events = int(str(session.query("SELECT count() FROM by_user", "CSV")).strip())
    results["events"] = events
    results["bytes_an_event"] = {
        table: int(str(session.query(f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{table}'", "CSV")).strip()) / events
        for table in ORDERS
    }
    results["parquet_bytes_an_event"] = parquet_bytes(session, directory, events)
    for_duckdb(session, directory)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
