#!/usr/bin/env python3
"""The dashboard on a million documents: what one viewer costs, and twenty, and what hostile clients cost it.

Processor time is that of the dashboard's process (/proc/PID/stat), memory what is its own (RssAnon), questions what
PostgreSQL's server counts as transactions.
"""

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

from harness import TOOLS, PostgresServer, need, scratch, target
from report import postgres_index, sqlite_index

TOKEN = "5c" * 32
TICK = os.sysconf("SC_CLK_TCK")


class Dashboard:
    def __init__(self, index, directory, environment=None):
        token = directory / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        self.process = subprocess.Popen(
            [TOOLS / "dashboard", "--index", index, "--state", directory / "state", "--listen", "127.0.0.1:0",
             "--token-file", token], stdout=subprocess.PIPE, text=True, env=environment)
        self.base = self.process.stdout.readline().strip().rstrip("/")
        self.port = int(self.base.rsplit(":", 1)[1])

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self, name="RssAnon"):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024

    def status(self):
        request = urllib.request.Request(self.base + "/api/status", headers={"Authorization": f"Bearer {TOKEN}"})
        return json.load(urllib.request.urlopen(request, timeout=300))

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def viewer(self, buffer=None):
        """An open WebSocket."""
        connection = socket.socket()
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", self.port))
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            (f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n").encode())
        assert connection.recv(12) == b"HTTP/1.1 101"
        return connection

    def close(self):
        self.process.kill()
        self.process.wait()


def drain(connection, seen):
    try:
        while data := connection.recv(65536):
            seen.append((time.monotonic(), len(data)))
    except OSError:
        pass


def watched(dashboard, viewers, seconds, questions):
    """Processor share, looks and questions while so many look on."""
    connections, seen = [dashboard.viewer() for _ in range(viewers)], []
    for connection in connections:
        threading.Thread(target=drain, args=(connection, seen), daemon=True).start()
    dashboard.status()
    time.sleep(3)
    seen.clear()
    before, asked, looks = dashboard.cpu(), questions(), dashboard.status()
    began = time.monotonic()
    time.sleep(seconds)
    after = dashboard.status()
    took = time.monotonic() - began
    share = (dashboard.cpu() - before) / took * 100
    count = [after[name] - looks[name] for name in ("looks", "report_looks")]
    print(f"  {viewers:3} viewers  {share:5.2f} % of a core  {count[0]} quick looks ({after['look_seconds'] * 1000:.1f} ms), "
          f"{count[1]} of the whole table ({after['report_look_seconds']:.2f} s) in {took:.0f} s  "
          f"{(questions() - asked) / took * 60:.0f} transactions a minute  {dashboard.memory():.1f} MiB", flush=True)
    for connection in connections:
        connection.close()
    return share, count[0]


def compare(kind, index, directory, seconds, environment=None, questions=lambda: 0):
    print(kind)
    dashboard = Dashboard(index, directory, environment)
    try:
        dashboard.status()
        time.sleep(2)
        idle, asked = dashboard.cpu(), questions()
        time.sleep(10)
        print(f"    0 viewers  {(dashboard.cpu() - idle) * 10:5.2f} % of a core, {questions() - asked} transactions in 10 s")
        watched(dashboard, 1, seconds, questions)
        share, _ = watched(dashboard, 20, seconds, questions)
        target(f"{kind}, processor with 20 viewers in percent", share, most=1.0)
    finally:
        dashboard.close()


def hostile(index, directory, seconds):
    """Fifty viewers that never read, headers without end and half-open requests, all the time."""
    dashboard = Dashboard(index, directory)
    until = time.monotonic() + seconds
    piece = b"a" * 65536

    def silent():
        while time.monotonic() < until:
            try:
                connection = dashboard.viewer(buffer=1024)
                time.sleep(8)
                connection.close()
            except (OSError, AssertionError):
                time.sleep(0.2)

    def flood():
        while time.monotonic() < until:
            try:
                with dashboard.connect() as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nX: ")
                    while time.monotonic() < until:
                        connection.sendall(piece)
            except OSError:
                time.sleep(0.01)

    def half():
        while time.monotonic() < until:
            try:
                with dashboard.connect() as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
                    connection.recv(1)
            except OSError:
                time.sleep(0.2)

    try:
        dashboard.status()
        print(f"hostile clients: at first {dashboard.memory():.1f} MiB of its own, {dashboard.memory('VmRSS'):.1f} resident")
        for work, count in ((silent, 50), (flood, 4), (half, 20)):
            for _ in range(count):
                threading.Thread(target=work, daemon=True).start()
        most, points = 0, []
        while time.monotonic() < until:
            time.sleep(1)
            most = max(most, dashboard.memory())
            points.append(dashboard.memory())
        quarter = max(1, len(points) // 4)
        print("  by quarters: " + ", ".join(f"{max(points[i:i + quarter]):.1f}" for i in range(0, len(points), quarter))
              + f" MiB; still answers: {dashboard.status()['state']}")
        target("own memory in MiB", most, most=15)
    finally:
        dashboard.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--only", choices=["sqlite", "postgres", "hostile"])
    options = parser.parse_args()
    need("psql", "sqlite3")
    directory = scratch()
    try:
        print(f"{options.rows:,} documents")
        path = directory / "index.db"
        if options.only != "postgres":
            sqlite_index(path, options.rows if options.only != "hostile" else 10_000)
        if options.only in (None, "sqlite"):
            compare("SQLite", f"sqlite:{path}", directory, options.seconds)
        if options.only in (None, "hostile"):
            hostile(f"sqlite:{path}", directory, options.seconds)
        if options.only in (None, "postgres"):
            server = PostgresServer()
            try:
                postgres_index(server, options.rows)
                questions = lambda: int(server.sql(
                    "SELECT pg_stat_clear_snapshot(), xact_commit FROM pg_stat_database WHERE datname = 'postgres'"
                )[0].split("|")[1])
                compare("PostgreSQL", "postgres:", directory, options.seconds, server.environment, questions)
            finally:
                server.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
