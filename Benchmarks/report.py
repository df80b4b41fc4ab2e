#!/usr/bin/env python3
"""validate report and monitor on a million documents, and what the progress line costs.

The report is held against the least that anybody could ask of the whole table: one sequential
count(*) … GROUP BY status by psql or sqlite3, in the same run. Progress is measured as processor time
of `validate` over the same records, with the line redrawn and without it.
"""

import argparse
import json
import shutil
import subprocess

from harness import (TOOLS, PostgresServer, fill_postgres, measure, median, need, rounds, scratch, target)

# Every status, type, error and age, by arithmetic: 70 % completed over four days, 10 % failed.
SPREAD = {
    "download_status": "CASE WHEN {n} % 20 < 14 THEN 'completed' WHEN {n} % 20 < 17 THEN 'pending' "
                       "WHEN {n} % 20 < 19 THEN 'failed' ELSE 'skipped' END",
    "instrument_type_parsed": "'TYPE ' || ({n} % 57)",
    "downloaded_at": "CASE WHEN {n} % 20 < 14 THEN {ago} END",
    "updated_at": "{ago}",
    "gcs_path": "CASE WHEN {n} % 20 < 14 THEN 'gs://bucket/documents/mid/deed/' || {n} || '.pdf' END",
    "content_bytes": "CASE WHEN {n} % 20 < 14 THEN 19000 + {n} % 1000 END",
    "original_bytes": "CASE WHEN {n} % 20 < 14 THEN 48000 + {n} % 1000 END",
    "book_page_mismatch": "{n} % 20 = 3",
    "error_class": "CASE WHEN {n} % 20 IN (17, 18) THEN 'portal_error' END",
    "download_error": "CASE WHEN {n} % 20 IN (17, 18) THEN 'HTTP 503 at page ' || ({n} % 1000) END",
}


def assignments(ago):
    return ", ".join(f"{name} = {value.format(n='instrument_number', ago=ago)}"
                     for name, value in SPREAD.items())


def postgres_index(server, rows):
    fill_postgres(server, server.environment, rows)
    ago = "LOCALTIMESTAMP - make_interval(secs => instrument_number % 345600)"
    server.sql(f"ALTER TABLE index_documents DISABLE TRIGGER USER; UPDATE index_documents SET {assignments(ago)}; "
               "ALTER TABLE index_documents ENABLE TRIGGER USER; VACUUM FULL ANALYZE index_documents")


def sqlite_index(path, rows):
    subprocess.run([TOOLS / "enqueue", "import", "-", "--index", path, "--format", "csv"],
                   input="source,book,page\n", text=True, check=True, capture_output=True)
    ago = ("strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (instrument_number % 345600) || ' seconds')")
    subprocess.run(["sqlite3", path], text=True, check=True, input=f"""
        PRAGMA synchronous = OFF; BEGIN;
        WITH RECURSIVE numbers (n) AS (
          SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows - 1})
        INSERT INTO index_documents (source, book, page, instrument_number, download_priority,
          grantor_party, legals)
        SELECT 'DuProcess', 1 + n / 250, 1 + n % 250, n, 1 + n % 4,
          'GRANTOR GRANTOR GRANTOR GRANTOR GRANTOR', 'LOT LOT LOT LOT LOT LOT LOT LOT LOT LOT'
        FROM numbers;
        UPDATE index_documents SET {assignments(ago)};
        COMMIT; VACUUM""")


def compare(kind, url, peer, environment, runs):
    """Medians of the report, the monitor and the peer's count, in turn."""
    validate = [TOOLS / "validate", "--index", url]
    results = rounds({
        "count": lambda: measure(peer, env=environment),
        "report": lambda: measure(validate + ["report"], env=environment),
        "monitor": lambda: measure(validate + ["monitor"], env=environment, may_fail=True),
    }, runs)
    count = median(results["count"], "wall")
    for name in ("report", "monitor"):
        wall = median(results[name], "wall")
        print(f"  {kind:11}{name:10}{wall:8.3f} s{wall / count:8.2f} of a count(*) GROUP BY status "
              f"({count:.3f} s){median(results[name], 'memory'):6.0f} MiB")
        target(f"{kind}: {name}, seconds", wall, most=2)


def progress(directory, records, runs):
    """Processor time of `validate` without and with the progress line."""
    source, bucket = directory / "records.jsonl", directory / "bucket"
    bucket.mkdir()
    with open(source, "w") as file:
        for number in range(records):
            file.write(json.dumps({
                "id": str(number), "book": 285, "page": number, "fetch": {"bytes": 48213, "portal": "mid"},
                "upload": {"url": f"file://{bucket}/1.pdf", "bytes": 11, "sha256":
                           "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"}}) + "\n")
    (bucket / "1.pdf").write_text("hello world")
    run = lambda mode: lambda: measure(
        [TOOLS / "validate", "--no-records", "--total", str(records), "--progress", mode], stdin=source)
    results = rounds({"never": run("never"), "always": run("always")}, runs)
    # The least of each: what other programs do at the same time can only add.
    without, with_it = (min(sample.cpu for sample in results[name]) for name in ("never", "always"))
    print(f"  progress  {without:.3f} s of processor time without, {with_it:.3f} s with it: "
          f"{(with_it / without - 1) * 100:+.2f} % ({records:,} records)")
    # The line is drawn five times a second, whatever comes in: without records it is all there is.
    idle = lambda mode: lambda: measure(
        f"sleep 10 | exec {TOOLS}/validate --no-records --total 1000000 --progress {mode}")
    results = rounds({"never": idle("never"), "always": idle("always")}, 3)
    without, with_it = (min(sample.cpu for sample in results[name]) for name in ("never", "always"))
    print(f"  waiting   {without:.3f} s of processor time in 10 s without, {with_it:.3f} s with the line: "
          f"{(with_it - without) * 10:+.2f} % of a processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=["sqlite", "postgres", "progress"])
    options = parser.parse_args()
    need("psql", "sqlite3")
    question = "SELECT download_status, COUNT(*) FROM index_documents GROUP BY 1"
    directory = scratch()
    try:
        print(f"{options.rows:,} documents, medians of {options.runs}")
        if options.only in (None, "sqlite"):
            path = directory / "index.db"
            sqlite_index(path, options.rows)
            compare("SQLite", f"sqlite:{path}", ["sqlite3", path, question], None, options.runs)
        if options.only in (None, "postgres"):
            server = PostgresServer()
            try:
                postgres_index(server, options.rows)
                # One process of the server, as for a plain count of anybody who has set nothing.
                peer = ["psql", "-X", "-q", "-c", "SET max_parallel_workers_per_gather = 0",
                        "-c", question]
                compare("PostgreSQL", "postgres:", peer, server.environment, options.runs)
            finally:
                server.close()
        if options.only in (None, "progress"):
            progress(directory, options.records, options.runs)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
