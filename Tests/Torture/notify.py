"""kill -9 of `notify` at random moments, with a receiver that takes, refuses, stalls and breaks off: every event that was
promised (its id was printed) arrives, by one id with one body each, and each is signed by the key."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import subprocess
import tempfile
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pipeline import TOOLS, side_by_side

KEY = b"0123456789abcdef0123456789abcdef"


def short(dice):
    return run(dice, kills=40, outboxes=4)


def long(dice):
    return run(dice, kills=500, outboxes=10)


def run(dice, kills, outboxes):
    share = -(-kills // outboxes)
    return side_by_side(dice, [lambda dice: _outbox(dice, share)] * outboxes)


class Receiver(ThreadingHTTPServer):
    """Remembers what it took. What it refuses is not taken, and has to come again."""

    daemon_threads = True

    def __init__(self, dice):
        self.dice, self.is_moody, self.taken, self.wrong, self.requests = dice, True, {}, [], 0
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # Whoever was killed has closed its connection.


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        server, length = self.server, int(self.headers["content-length"])
        body = self.rfile.read(length)
        server.requests += 1
        if len(body) < length:
            return  # Its sender was killed while it wrote.
        mood = server.dice.random() if server.is_moody else 1
        if mood < 0.15:
            time.sleep(0.05)
            return
        if mood < 0.3:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        identity, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = hmac.new(KEY, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
        if self.headers["webhook-signature"] != "v1," + base64.b64encode(signed).decode():
            server.wrong.append(f"{identity} has a wrong signature")
        if server.taken.setdefault(identity, body) != body:
            server.wrong.append(f"{identity} came with two bodies")
        if mood < 0.4:
            time.sleep(0.03)  # Taken, and the sender may be killed before it knows.
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def _let_hours_pass(outbox):
    """What was refused several times waits for hours."""
    with closing(sqlite3.connect(outbox, timeout=60)) as database, database:
        database.execute("UPDATE messages SET next = 0")


def _outbox(dice, kills):
    figures = {"kills": 0, "events": 0, "requests": 0, "lost": 0}
    receiver = Receiver(dice)
    with tempfile.TemporaryDirectory(prefix="conveyor-torture-") as folder:
        state, promised = Path(folder) / "state", []
        environment = {**os.environ, "CONVEYOR_WEBHOOK": f"http://127.0.0.1:{receiver.server_address[1]}/",
                       "CONVEYOR_WEBHOOK_SECRET": "whsec_" + base64.b64encode(KEY).decode(),
                       "CONVEYOR_STATE": str(state)}

        def start(*words):
            return subprocess.Popen([TOOLS / "notify", *words], env=environment, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        # How long one lives decides which kills hit something. That changes with what else the machine does: of a time
        # that was taken once, beside other trials, no kill might ever hit one that runs alone.
        began = time.monotonic()
        promised += start("send", "run.started", "--patience", "0").communicate()[0].splitlines(keepends=True)
        usual = time.monotonic() - began
        while figures["kills"] < kills:
            number = len(promised)
            words = [["send", "run.finished", "--data", json.dumps({"n": number}), "--patience", "2"],
                     ["--patience", "2"]][dice.random() < 0.2]
            began = time.monotonic()
            process = start(*words)
            with suppress(subprocess.TimeoutExpired):
                process.wait(usual * dice.uniform(0.2, 1.5))
            if process.poll() is None:
                process.kill()
                figures["kills"] += 1
                usual *= 1.1
            else:
                usual = time.monotonic() - began
            printed = process.communicate()[0]
            # A line that was cut short is no promise.
            promised += [line for line in printed.splitlines(keepends=True) if line.endswith("\n")]
        receiver.is_moody = False
        wrong = []
        for _ in range(30):
            _let_hours_pass(state / "outbox.sqlite")
            process = start("--patience", "10")
            process.communicate()
            if process.returncode == 0:
                break
        else:
            wrong.append("the outbox was not emptied")
        figures["events"], figures["requests"] = len(promised), receiver.requests
        lost = [line for line in promised if line.strip() not in receiver.taken]
        figures["lost"] = len(lost)
        wrong += [f"P2: the event {line.strip()} was lost" for line in lost] + receiver.wrong
    receiver.shutdown()
    receiver.server_close()
    return figures, wrong
