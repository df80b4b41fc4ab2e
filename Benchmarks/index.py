#!/usr/bin/env python3
"""The index in PostgreSQL, with a million documents, against the way that users had before.

Ours: enqueue claims through the index of pending documents, and settles are one statement for a
batch. Theirs: SELECT … ORDER BY … LIMIT without a lease over the index on the status, then an UPDATE
with its own COMMIT for each document. Times are the server's own, from its log; the settling
statement is read out of the source, so that it is ours to the letter.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import time

from harness import ROOT, TOOLS, need

SETTLING = ROOT / "Sources" / "Index" / "PostgresSettling.swift"
DURATION = re.compile(r"duration: ([0-9.]+) ms  (parse|bind|execute|statement)[^:]*: (.*)")


class Server:
    """The tests' server, but one that syncs its disk as a real one does."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        script = ROOT / "Tests" / "Support" / "postgres-server.sh"
        self.process = subprocess.Popen(
            ["sh", script, str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.directory = self.process.stdout.readline().split()[1]
        self.log = f"{self.directory}/log"
        for setting in ("fsync = on", "log_min_duration_statement = 0",
                        "max_wal_size = '4GB'", "shared_buffers = '256MB'"):
            self.sql(f"ALTER SYSTEM SET {setting}")
        for order in ("stop", "start"):
            self.process.stdin.write(order + "\n")
            self.process.stdin.flush()
            self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def sql(self, text):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.directory, "-p",
                   str(self.port), "-U", "postgres", "-d", "postgres"]
        began = time.monotonic()
        done = subprocess.run(command, input=text, text=True, check=True, capture_output=True)
        return done.stdout, time.monotonic() - began

    def durations(self, needle, run):
        """Milliseconds of each statement with `needle` that `run` causes: parse, bind and execute."""
        start = os.path.getsize(self.log)
        run()
        with open(self.log, "rb") as log:
            log.seek(start)
            text = log.read().decode(errors="replace")
        found, current = [], 0.0
        for line in text.splitlines():
            match = DURATION.search(line)
            if not match or needle not in match[3]:
                continue
            current += float(match[1])
            if match[2] in ("execute", "statement"):
                found.append(current)
                current = 0.0
        return found


def fill(server, environment, rows):
    subprocess.run([TOOLS / "enqueue", "--index", "postgres:", "--init"], env=environment, check=True,
                   capture_output=True)
    server.sql(f"""
        CREATE INDEX idx_download_status ON index_documents (download_status);
        INSERT INTO index_documents (source, book, page, instrument_number,
          instrument_type_parsed, download_priority, grantor_party, legals)
        SELECT 'DuProcess', 1 + n / 250, 1 + n % 250, n,
          (ARRAY['DEED', 'MINERAL DEED', 'LEASE', 'RELEASE'])[1 + n % 4], 1 + n % 4,
          repeat('GRANTOR ', 5), repeat('LOT ', 20)
        FROM generate_series(0, {rows - 1}) AS n;
        VACUUM ANALYZE index_documents""")


def claims(server, environment, count):
    """Median milliseconds of a claim of 100, ours and theirs."""
    def ours():
        # A belt has some hundred documents in progress, not ten thousand.
        for _ in range(count // 10):
            subprocess.run([TOOLS / "enqueue", "--index", "postgres:", "--limit", "1000",
                            "--no-wait", "--lease", "1"], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            server.sql("UPDATE index_documents SET download_status = 'completed', "
                       "lease_token = NULL, lease_owner = NULL "
                       "WHERE download_status = 'in_progress'")

    def theirs():
        server.sql("""SELECT * FROM index_documents
            WHERE download_status = 'pending' AND book BETWEEN 1 AND 3971
            ORDER BY download_priority, book, page LIMIT 100;\n""" * min(count, 20))

    # They have no index of pending documents.
    definition = server.sql("SELECT pg_get_indexdef('index_documents_pending'::regclass)")[0]
    server.sql("DROP INDEX index_documents_pending")
    before = statistics.median(server.durations("SELECT * FROM index_documents", theirs))
    server.sql(definition + "; VACUUM ANALYZE index_documents")
    return statistics.median(server.durations("WITH here AS", ours)), before


def settles(server, size, count):
    """Documents settled in a second, `size` in a statement; 0: the way of the users."""
    server.sql("UPDATE index_documents SET download_status = 'pending' "
               f"WHERE id IN (SELECT id FROM index_documents ORDER BY id DESC LIMIT {count})")
    server.sql(f"""
        UPDATE index_documents SET download_status = 'in_progress', lease_token = md5(id::text),
          lease_owner = 'bench/1/1'
        WHERE id IN (SELECT id FROM index_documents WHERE download_status = 'pending'
          ORDER BY download_priority, book, page LIMIT {count})""")
    ids = server.sql("SELECT id FROM index_documents WHERE download_status = 'in_progress'")[0].split()
    if size == 0:
        text = "".join(
            f"UPDATE index_documents SET download_status = 'completed', downloaded_at = now(), "
            f"gcs_path = 'gs://bucket/documents/mid/deed/{id}.pdf', book_page_mismatch = FALSE "
            f"WHERE id = {id};\n" for id in ids)
        return len(ids) / server.sql(text)[1]
    sql = re.search(r'settleSQL = """\n(.*?)\n    """', SETTLING.read_text(), re.S)[1]
    text = ""
    for start in range(0, len(ids), size):
        part = ids[start:start + size]
        def same(value):
            return ",".join([value] * len(part))
        arrays = [",".join(part), None, same("completed"), same("0"), same("NULL"), same("NULL"),
                  same("NULL"), ",".join(f"gs://bucket/documents/mid/deed/{id}.pdf" for id in part),
                  same("a" * 64), same("19877"), same("48213"), same("285"), same("55"),
                  same("false")]
        values = ["'{" + array + "}'" if array is not None else
                  f"(SELECT array_agg(md5(i::text) ORDER BY p) FROM "
                  f"unnest('{{{','.join(part)}}}'::bigint[]) WITH ORDINALITY AS t (i, p))"
                  for array in arrays]
        values = iter(values)
        text += re.sub(r"\?", lambda _: next(values), sql) + ";\n"
    taken = server.sql(text)[1]
    left = server.sql("SELECT COUNT(*) FROM index_documents "
                      "WHERE download_status = 'in_progress'")[0].strip()
    assert left == "0", f"{left} were not settled"
    return len(ids) / taken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=100)
    parser.add_argument("--settles", type=int, default=5000)
    options = parser.parse_args()
    need("psql")
    server = Server()
    try:
        environment = os.environ | {"PGHOST": server.directory, "PGPORT": str(server.port),
                                    "PGUSER": "postgres", "PGDATABASE": "postgres"}
        fill(server, environment, options.rows)
        print(f"{options.rows:,} documents, claims of 100, median of {options.claims}")
        for percent in (0, 90):
            server.sql(f"""
                UPDATE index_documents SET download_status = 'completed', downloaded_at = now()
                WHERE id IN (SELECT id FROM index_documents WHERE download_status = 'pending'
                  ORDER BY download_priority, book, page LIMIT {options.rows * percent // 100});
                VACUUM ANALYZE index_documents""")
            ours, theirs = claims(server, environment, options.claims)
            print(f"  {percent:2} % completed   ours {ours:8.2f} ms   theirs {theirs:8.2f} ms   "
                  f"theirs ÷ ours {theirs / ours:8.1f}")
        print(f"{options.settles:,} documents settled, one connection")
        theirs = settles(server, 0, options.settles)
        print(f"  one by one, theirs {theirs:10,.0f} a second")
        for size in (1, 50, 500):
            ours = settles(server, size, options.settles)
            print(f"  batches of {size:3}, ours {ours:10,.0f} a second   ours ÷ theirs "
                  f"{ours / theirs:6.1f}")
    finally:
        server.close()


if __name__ == "__main__":
    main()
