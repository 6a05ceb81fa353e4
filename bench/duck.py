"""DuckDB at the first members of a segment. Runs in a Python that has `duckdb`; prints one JSON line.

Usage: duck.py DIRECTORY THREADS ROUNDS. DIRECTORY holds the Parquet files that `clickhouse.py` wrote. Of the forms of SQL the
fastest counts.
"""

import json
import sys
import time

import duckdb

SEGMENT = "country IN ('US', 'GB', 'DE')"
EVENTS = "event = 'event 3' AND ts >= TIMESTAMP '2026-06-30 00:00:00' - INTERVAL 30 DAY"
FORMS = [
    f"""SELECT uid FROM users WHERE {SEGMENT} AND uid IN (
        SELECT uid FROM events WHERE {EVENTS} GROUP BY uid HAVING count(*) >= 3) ORDER BY last_seen DESC LIMIT 50""",
    f"""WITH chosen AS MATERIALIZED (SELECT uid, last_seen FROM users WHERE {SEGMENT})
        SELECT uid FROM chosen WHERE uid IN (
            SELECT uid FROM events WHERE {EVENTS} AND uid IN (SELECT uid FROM chosen) GROUP BY uid HAVING count(*) >= 3)
        ORDER BY last_seen DESC LIMIT 50""",
]


def main():
    directory, threads, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    database = duckdb.connect()
    database.execute(f"SET threads = {threads}")
    database.execute("SET TimeZone = 'UTC'")
    for table in ("events", "users"):
        database.execute(f"""CREATE TABLE {table} AS SELECT * REPLACE ({"ts::TIMESTAMP AS ts" if table == "events" else "uid AS uid"})
            FROM '{directory}/{table}.duck.parquet'""")
    tried = []
    for form in FORMS:
        answer = [row[0] for row in database.execute(form).fetchall()]
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            database.execute(form).fetchall()
            times.append((time.perf_counter() - begun) * 1e3)
        tried.append((sorted(times)[len(times) // 2], times, answer))
    _, times, answer = min(tried)
    print(json.dumps({"segment_first": {"ms": times, "answer": {"": [uid + 1 for uid in answer]}}}))


if __name__ == "__main__":
    main()
