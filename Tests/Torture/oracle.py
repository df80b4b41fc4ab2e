#!/usr/bin/env python3
"""The judge of a pipeline: reads index, checkpoint, bucket and the portal's log, and asks none of the tools.

    oracle.py FOLDER            # index.db, state/checkpoint.sqlite, bucket/, portal.jsonl
"""

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlparse


def rows(path, question):
    """A killed program leaves a journal behind, which whoever reads next rolls back: so opened for writing."""
    database = sqlite3.connect(path, timeout=60)
    try:
        database.row_factory = sqlite3.Row
        return database.execute(question).fetchall()
    finally:
        database.close()


def index_rows(index):
    """All rows of an index, in a file or in PostgreSQL (asked with psql)."""
    if index.startswith("sqlite:"):
        return rows(index.removeprefix("sqlite:"), "SELECT * FROM index_documents")
    question = "SELECT row_to_json(d) FROM index_documents d ORDER BY id"
    answer = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-d", index, "-c", question], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in answer.stdout.splitlines()]


def requests(log):
    """The portal's log; a line that is being written is none yet."""
    found = []
    for line in log.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def refetched(log):
    """How many scans the portal sent as a whole more than once, counted each time."""
    sent = Counter()
    for request in requests(log):
        whole = request["status"] == 200 and request["fault"] is None
        if whole and request["document"] is not None and "drupal" not in (request["path"] or ""):
            sent[request["document"]] += 1
    return sum(count - 1 for count in sent.values())


def pages(path):
    answer = subprocess.run(["pdfinfo", path], capture_output=True, text=True)
    counts = [line.split()[1] for line in answer.stdout.splitlines() if line.startswith("Pages:")]
    return int(counts[0]) if answer.returncode == 0 and counts else None


def objects(bucket):
    """What is in a bucket under a final name."""
    return {file for file in bucket.rglob("*") if file.is_file() and not file.name.startswith(".")}


def check(pipeline, is_over=True, counts_pages=False):
    """All that is wrong, as sentences; `is_over`: nothing is to be left to do."""
    wrong = []
    for file in [Path(pipeline.index.removeprefix("sqlite:")), pipeline.state / "checkpoint.sqlite",
                 pipeline.state / "limiter.sqlite"]:
        if file.exists():
            said = rows(file, "PRAGMA integrity_check")[0][0]
            if said != "ok":
                wrong.append(f"{file.name} is damaged: {said}")
    index = index_rows(pipeline.index)
    if len(index) != pipeline.documents:
        wrong.append(f"P2: the index has {len(index)} rows of {pipeline.documents}")
    named = set()
    for row in index:
        name = f"document {row['id']} ({row['download_status']})"
        if row["download_status"] == "completed":
            wrong += [f"{name}: {reason}" for reason in _completed(row, named, counts_pages)]
        elif is_over and row["download_status"] in ("pending", "in_progress"):
            wrong.append(f"P2: {name} was never settled")
        if row["download_attempts"] > 5:
            wrong.append(f"P5: {name} has {row['download_attempts']} attempts")
    for file in objects(pipeline.bucket):
        content = file.read_bytes()
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
            wrong.append(f"P7: {file.name} in the bucket is not a whole PDF")
        # One whose settlement a kill cut off is completed by the next run.
        if is_over and file not in named and not any(row["download_status"] == "failed" for row in index):
            wrong.append(f"P1: {file.name} is in the bucket, and no completed row says so")
    return wrong


def _completed(row, named, counts_pages):
    file = Path(unquote(urlparse(row["gcs_path"]).path))
    if file in named:
        yield f"P1: another row has {file.name}, too"
    named.add(file)
    if not file.is_file():
        yield f"P1: {file.name} is not in the bucket"
        return
    content = file.read_bytes()
    if len(content) != row["content_bytes"]:
        yield f"P1: {file.name} has {len(content)} bytes, and the row says {row['content_bytes']}"
    if hashlib.sha256(content).hexdigest() != row["content_sha256"]:
        yield f"P1: {file.name} has another SHA-256 than the row"
    if counts_pages and pages(file) != (row["num_pages"] or 1):
        yield f"P1: {file.name} has {pages(file)} pages, and the index says {row['num_pages'] or 1}"


if __name__ == "__main__":
    where = Path(sys.argv[1])
    index = f"sqlite:{where / 'index.db'}"
    pipeline = SimpleNamespace(
        index=index, state=where / "state", bucket=where / "bucket", documents=len(index_rows(index)))
    violations = check(pipeline, counts_pages=True)
    print("\n".join(violations) or f"{pipeline.documents} documents: nothing is wrong")
    print(f"{refetched(where / 'portal.jsonl')} scans were sent again")
    sys.exit(1 if violations else 0)
