#!/usr/bin/env python3
"""`validate reconcile` over an index of a million completed documents and a directory with their
objects, one percent of which were deleted, cut short or replaced, against a script that holds both in
memory, as one would write it.

The objects are hard links to a few hundred files, on tmpfs where there is one: names, sizes and change
times are read as those of a million files are, and only what is looked at by itself is read. A disk
that has to be asked for a million inodes takes longer, for both. PostgreSQL is the tests' own server.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import TOOLS, PostgresServer, measure, need, note, scratch

SIZE = 20_000
FOLDERS = 50
SOURCES = 300

PEER = """
import os, sqlite3, sys
rows = {url[7:]: size for url, size in sqlite3.connect(sys.argv[1]).execute(
    "SELECT gcs_path, content_bytes FROM index_documents WHERE download_status = 'completed'")}
there = {}
for folder, _, names in os.walk(sys.argv[2]):
    for name in names:
        path = os.path.join(folder, name)
        there[path] = os.stat(path).st_size
wrong = [path for path, size in rows.items() if there.get(path) != size]
unknown = [path for path in there if path not in rows]
print(len(wrong), len(unknown))
"""


def key(number):
    return f"mid/type-{number % FOLDERS:02}/{1 + number // 250:04}-{1 + number % 250:04}.pdf"


def fill_store(bucket, rows):
    sources = bucket.parent / "sources"
    sources.mkdir()
    for number in range(SOURCES):
        (sources / str(number)).write_bytes(b"%PDF-" + bytes([number % 251]) * (SIZE - 5))
    for folder in range(FOLDERS):
        (bucket / f"mid/type-{folder:02}").mkdir(parents=True)
    for number in range(rows):
        os.link(sources / str(number % SOURCES), bucket / key(number))


def damage(bucket, rows):
    """Deletes, cuts short and replaces one percent in all. Returns how many of each."""
    counts = {"missing": 0, "wrong_size": 0, "wrong_checksum": 0}
    for place, number in enumerate(range(7, rows, 100)):
        path = bucket / key(number)
        content = path.read_bytes()
        path.unlink()
        kind = list(counts)[place % 3]
        counts[kind] += 1
        if kind == "wrong_size":
            path.write_bytes(content[: SIZE // 2])
        elif kind == "wrong_checksum":
            path.write_bytes(content[:-1] + b"?")
    return counts


def documents(bucket, rows):
    import hashlib

    sums = [
        hashlib.sha256(b"%PDF-" + bytes([number % 251]) * (SIZE - 5)).hexdigest()
        for number in range(SOURCES)
    ]
    for number in range(rows):
        yield (number + 1, "DuProcess", 1 + number // 250, 1 + number % 250, "completed",
               f"file://{bucket}/{key(number)}", SIZE, sums[number % SOURCES])


COLUMNS = "id, source, book, page, download_status, gcs_path, content_bytes, content_sha256"


def fill_sqlite(path, bucket, rows):
    subprocess.run([TOOLS / "enqueue", "import", "-", "--index", path, "--format", "csv"],
                   input=b"source,book,page\n", check=True, capture_output=True)
    database = sqlite3.connect(path)
    database.executemany(
        f"INSERT INTO index_documents ({COLUMNS}, downloaded_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, strftime('%Y-%m-%d %H:%M:%f', 'now'))",
        documents(bucket, rows))
    database.commit()


def fill_postgres(server, environment, bucket, rows):
    subprocess.run([TOOLS / "enqueue", "init", "--index", "postgres:"], env=environment, check=True,
                   capture_output=True)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        for row in documents(bucket, rows):
            file.write(",".join(map(str, row)) + "\n")
        file.flush()
        server.sql(f"\\copy index_documents ({COLUMNS}) FROM '{file.name}' (FORMAT csv)\n")
    server.sql("UPDATE index_documents SET downloaded_at = LOCALTIMESTAMP; "
               "VACUUM ANALYZE index_documents")


def ours(name, index, bucket, summary, expected, environment=None):
    sample = measure([TOOLS / "validate", "reconcile", "--index", index, "--to", bucket,
                      "--summary", summary, "--quiet"], env=environment, may_fail=True)
    found = json.loads(summary.read_text())["differences"]
    found = {kind: count for kind, count in found.items() if count}
    assert found == expected, f"{name}: {found}, and there were {expected}"
    return sample


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--without-postgres", action="store_true")
    options = parser.parse_args()
    need("psql")
    folder = scratch()
    server = None
    try:
        bucket = folder / "bucket"
        began = time.monotonic()
        fill_store(bucket, options.rows)
        # On a disk: what SQLite sorts must not be taken for memory.
        disk = Path(tempfile.mkdtemp(prefix="conveyor-bench-"))
        fill_sqlite(disk / "index.db", bucket, options.rows)
        results = {}
        if not options.without_postgres:
            server = PostgresServer()
            environment = server.environment
            fill_postgres(server, environment, bucket, options.rows)
        expected = damage(bucket, options.rows)
        print(f"{options.rows:,} documents, {sum(expected.values()):,} differences, "
              f"made in {time.monotonic() - began:.0f} s")
        summary = disk / "summary.json"
        results["a script in Python, SQLite"] = measure(
            [sys.executable, "-c", PEER, disk / "index.db", bucket])
        results["SQLite"] = ours("SQLite", disk / "index.db", bucket, summary, expected)
        if server:
            results["PostgreSQL"] = ours(
                "PostgreSQL", "postgres:", bucket, summary, expected, environment)
        print(f"  {'':28}{'seconds':>9}{'cpu s':>8}{'MiB':>7}{'ours ÷ it, MiB':>16}")
        for name, sample in results.items():
            share = results["SQLite"].memory / sample.memory
            print(f"  {name:28}{sample.wall:9.1f}{sample.cpu:8.1f}{sample.memory:7.0f}{share:16.2f}")
            note(f"{options.rows:,} documents, {name}", f"{sample.wall:.1f} s, {sample.memory:.0f} MiB")
        print("  (the script compares names and sizes alone)")
    finally:
        if server:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)
        if "disk" in locals():
            shutil.rmtree(disk, ignore_errors=True)


if __name__ == "__main__":
    main()
