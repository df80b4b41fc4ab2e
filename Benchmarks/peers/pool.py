#!/usr/bin/env python3
"""The design that users have today: a thread pool, a session for each worker, a database row a document."""

import hashlib
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

urls, out, workers = Path(sys.argv[1]).read_text().split(), Path(sys.argv[2]), int(sys.argv[3])
local = threading.local()
lock = threading.Lock()
database = sqlite3.connect(out / "pool.sqlite", check_same_thread=False)
database.execute("create table documents(id text primary key, sha256 text, bytes integer)")


def fetch(url):
    if not hasattr(local, "session"):
        local.session = requests.Session()
    body = local.session.get(url, timeout=60).content
    name = url.rsplit("/", 1)[1]
    (out / name).write_bytes(body)
    with lock:
        database.execute(
            "insert into documents values(?, ?, ?)", (name, hashlib.sha256(body).hexdigest(), len(body)))
        database.commit()


with ThreadPoolExecutor(workers) as pool:
    list(pool.map(fetch, urls))
