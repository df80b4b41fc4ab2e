"""A receiver of webhooks, checked by the official packages: standardwebhooks and svix.

    receiver.py KEY [KEY]

Prints its port, then a line of JSON for each request: path, id, timestamp, body, and which keys it was signed with, as
each package sees it. Answers as it is told by lines on standard input, one an answer: `200`, `500`, `410`,
`302 URL`, `429 SECONDS`, `slow` (nothing, until the client goes away), `half` (200, and a body that begins and never ends). The
last one stays.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook as Standard
from svix.webhooks import Webhook as Svix

KEYS = sys.argv[1:]
ANSWERS, LOCK = ["200"], threading.Lock()


def verified(package, headers, body):
    found = []
    for number, key in enumerate(KEYS, 1):
        try:
            package(key).verify(body, headers)
            found.append(number)
        except Exception:
            pass
    return found


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with LOCK:
            answer = ANSWERS.pop(0) if len(ANSWERS) > 1 else ANSWERS[0]
            print(json.dumps({
                "method": self.command, "path": self.path, "id": headers.get("webhook-id"),
                "timestamp": headers.get("webhook-timestamp"), "signature": headers.get("webhook-signature"),
                "body": body.decode(), "answer": answer,
                "standard": verified(Standard, headers, body) if self.command == "POST" else [],
                "svix": verified(Svix, headers, body) if self.command == "POST" else []}), flush=True)
        status, _, more = answer.partition(" ")
        if status == "slow":
            self.connection.recv(1)
            self.close_connection = True
            return
        self.send_response(200 if status == "half" else int(status))
        if status == "302":
            self.send_header("Location", more)
        if status == "429":
            self.send_header("Retry-After", more)
        self.send_header("Content-Length", "1000000" if status == "half" else "0")
        self.end_headers()
        if status == "half":
            self.wfile.write(b"{")
            self.connection.recv(1)
            self.close_connection = True

    def log_message(self, *_):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    for line in sys.stdin:
        with LOCK:
            ANSWERS[:] = line.strip().split(",")
            print(json.dumps({"now": line.strip()}), flush=True)


main()
