#!/usr/bin/env python3
"""The index, with a million documents, against the way that users had before.

Ours: enqueue imports 10,000 rows in a transaction, claims through the index of pending documents, and
settles are one statement for a batch. Theirs: an INSERT with its own COMMIT for each row, SELECT …
ORDER BY … LIMIT without a lease over the index on the status, then an UPDATE with its own COMMIT for
each document. Times of claims are the server's own, from its log; the settling statement is read out of
the source, so that it is ours to the letter.
"""

import argparse
import csv
import itertools
import os
import re
import shutil
import statistics
import subprocess
import time

from harness import ROOT, TOOLS, PostgresServer, need, note, scratch
from libpq import Connection

SETTLING = ROOT / "Sources" / "Index" / "Postgres" / "PostgresIndex+Settle.swift"

TYPES = ("DEED - [DEED 90W]", "MINERAL DEED - [MD]", "LEASE - [L]", "RELEASE - [R]")


def spreadsheet(path, rows):
    """A recorder's export: as many columns as matter, parties with commas in quotes."""
    with open(path, "w", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["source", "gin", "instrument_number", "book_volume", "book", "page",
                        "instrument_type_raw", "file_date", "num_pages", "grantor_party",
                        "grantee_party", "legals", "download_priority"])
        for n in range(rows):
            book = 1 + n // 250
            sheet.writerow(["DuProcess", n + 10**6, n, book, book, 1 + n % 250, TYPES[n % 4],
                            f"19{10 + n % 90}-0{1 + n % 9}-1{n % 9}", 1 + n % 7, f"GRANTOR, {n}",
                            f"GRANTEE, {n}", "LOT 4 BLK 3 OAKS " * 5, 1 + n % 4])


def imports(server, environment, folder, rows):
    """Fills the index from a spreadsheet; rows a second, ours into both databases, and theirs."""
    sheet = folder / "deeds.csv"
    spreadsheet(sheet, rows)

    def ours(index):
        began = time.monotonic()
        subprocess.run([TOOLS / "enqueue", "import", sheet, "--index", index], env=environment,
                       check=True, capture_output=True)
        return rows / (time.monotonic() - began)

    file = ours(f"sqlite:{folder}/index.db")
    subprocess.run([TOOLS / "enqueue", "init", "--index", "postgres:"], env=environment, check=True,
                   capture_output=True)
    # As many as tell: each is a sync of the disk.
    count = min(rows, 3000)
    text = "".join(
        "INSERT INTO index_documents (source, gin, instrument_number, book_volume, book, page, "
        "instrument_type_raw, instrument_type_parsed, file_date, grantor_party, legals) VALUES "
        f"('DuProcess', {n}, {n}, '1', {10**6 + n}, 1, 'DEED - [X]', 'DEED', '1951-03-04', "
        f"'GRANTOR, {n}', '{'LOT 4 BLK 3 OAKS ' * 5}') ON CONFLICT DO NOTHING;\n"
        for n in range(count))
    theirs = count / server.sql(text)[1]
    server.sql("DELETE FROM index_documents")
    table = ours("postgres:")
    server.sql("CREATE INDEX idx_download_status ON index_documents (download_status); "
               "VACUUM ANALYZE index_documents")
    return file, table, theirs


def rivals(server, environment, count, each=2000):
    """`count` claimers at once, each with an enqueue of its own, that take `each` documents in claims
    of 100. Returns the milliseconds of each claim, and how many waits for a lock took over 50 ms."""
    start = os.path.getsize(server.log)

    def run():
        running = [subprocess.Popen([TOOLS / "enqueue", "--index", "postgres:", "--limit", str(each)],
                                    env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL) for _ in range(count)]
        # All have their documents when all are read; what they hold is given back below.
        for process in running:
            assert sum(1 for _ in zip(range(each), process.stdout)) == each
        for process in running:
            process.kill()
            process.wait()

    times = server.durations("WITH here AS", run)
    with open(server.log, "rb") as log:
        log.seek(start)
        blocked = log.read().decode(errors="replace").count("still waiting for")
    server.sql("UPDATE index_documents SET download_status = 'pending', lease_token = NULL, "
               "lease_owner = NULL, download_attempts = 0 WHERE download_status = 'in_progress'; "
               "VACUUM ANALYZE index_documents")
    return times, blocked


def claims(server, environment, count):
    """Median milliseconds of a claim of 100, ours and theirs."""
    def ours():
        # A pipeline has some hundred documents in progress, not ten thousand.
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
    """Documents settled in a second over one connection, `size` in a statement; 0: the way of the users."""
    held = server.sql(f"""
        UPDATE index_documents SET download_status = 'in_progress', lease_token = md5(id::text),
          lease_owner = 'bench/1/1'
        WHERE id IN (SELECT id FROM index_documents WHERE download_status = 'pending'
          ORDER BY download_priority, book, page LIMIT {count})
        RETURNING id, lease_token""")[0].splitlines()
    leases = [line.split("|") for line in held]
    if size == 0:
        statements = [("UPDATE index_documents SET download_status = 'completed', "
                       "downloaded_at = now(), book_page_mismatch = FALSE, "
                       "gcs_path = 'gs://bucket/documents/mid/deed/' || $1 || '.pdf' "
                       "WHERE id = $1::bigint", [id]) for id, _ in leases]
    else:
        numbers = itertools.count(1)
        sql = re.search(r'settleSQL = """\n(.*?)\n    """', SETTLING.read_text(), re.S)[1]
        sql = re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
        statements = [(sql, settlement(leases[start:start + size]))
                      for start in range(0, len(leases), size)]
    with Connection(server) as connection:
        began = time.monotonic()
        for sql, values in statements:
            connection.query(sql, values)
        taken = time.monotonic() - began
    left = server.sql("SELECT COUNT(*) FROM index_documents "
                      "WHERE download_status = 'in_progress'")[0].strip()
    assert left == "0", f"{left} were not settled"
    return len(leases) / taken


def settlement(leases):
    """The arrays of one settlement of documents that are completed, as `validate` sends them."""
    rows = [[id, token, "completed", "0", "NULL", "NULL", "NULL",
             f"gs://bucket/documents/mid/deed/{id}.pdf", "a" * 64, "a" * 32, "19877", "48213", "285",
             "55", "false", "kept", "the result is not smaller", "NULL"] for id, token in leases]
    return ["{" + ",".join(f'"{value}"' if " " in value else value for value in column) + "}" for column in zip(*rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=100)
    parser.add_argument("--settles", type=int, default=20_000)
    options = parser.parse_args()
    need("psql")
    folder = scratch()
    server = PostgresServer()
    try:
        environment = server.environment
        file, table, theirs = imports(server, environment, folder, options.rows)
        print(f"{options.rows:,} rows imported")
        print(f"  one by one, theirs {theirs:10,.0f} a second")
        for name, rate in (("SQLite", file), ("PostgreSQL", table)):
            print(f"  {name + ', ours':18} {rate:10,.0f} a second   ours ÷ theirs {rate / theirs:6.1f}")
            note(f"{name}: rows imported a second ÷ one by one", f"{rate / theirs:.1f}")
        print(f"claims of 100, median of {options.claims}")
        for percent in (0, 90):
            server.sql(f"""
                UPDATE index_documents SET download_status = 'completed', downloaded_at = now()
                WHERE id IN (SELECT id FROM index_documents WHERE download_status = 'pending'
                  ORDER BY download_priority, book, page LIMIT {options.rows * percent // 100});
                VACUUM ANALYZE index_documents""")
            ours, theirs = claims(server, environment, options.claims)
            print(f"  {percent:2} % completed   ours {ours:8.2f} ms   theirs {theirs:8.2f} ms   "
                  f"theirs ÷ ours {theirs / ours:8.1f}")
            note(f"claims of 100 with {percent} % completed: the users' time ÷ ours", f"{theirs / ours:.1f}")
        for count in (1, 8):
            times, blocked = rivals(server, environment, count)
            print(f"{count} claimers at once, {len(times)} claims: median "
                  f"{statistics.median(times):.2f} ms, longest {max(times):.2f} ms; "
                  f"{blocked} waits for a lock over 50 ms")
        print(f"{options.settles:,} documents settled, one connection")
        theirs = settles(server, 0, options.settles)
        print(f"  one by one, theirs {theirs:10,.0f} a second")
        for size in (1, 50, 500):
            ours = settles(server, size, options.settles)
            print(f"  batches of {size:3}, ours {ours:10,.0f} a second   ours ÷ theirs "
                  f"{ours / theirs:6.1f}")
            note(f"settled a second, batches of {size}, ÷ one by one", f"{ours / theirs:.1f}")
    finally:
        server.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
