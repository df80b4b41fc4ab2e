"""A canary in every place that a secret comes from: a header, a client certificate's key, a proxy's password, a
database's. Servers echo whatever they are told. Then each canary is searched for in everything that the tools wrote,
and, all the while, in the arguments of every process."""

import base64
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
from pathlib import Path

import machines
from pipeline import ROOT, Pipeline, until

# As small as a PDF with a page can be; readers find its objects without a table.
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 9 9]>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R/Size 4>>\nstartxref\n0\n%%EOF\n"
)
# Failures of five documents in a row would be an outage, and waited for.
FEW = 4


def short(dice):
    return run(dice, documents=20)


def long(dice):
    figures, wrong = run(dice, documents=400)
    return figures, wrong + _every_place()


def _every_place():
    """What the tests try in part: each way to write a password, at each place where one can be given."""
    tests = subprocess.run(
        ["swift", "test", "--filter", "SecretSettingsTests"], cwd=ROOT, capture_output=True, text=True, errors="replace",
        env={**os.environ, "CONVEYOR_EVERY_PLACE": "1"})
    return [] if tests.returncode == 0 else [f"P13: SecretSettingsTests at every place: {tests.stdout[-2000:]}"]


def run(dice, documents):
    figures = {"places searched": 0, "samples of arguments": 0, "requests that carried one": 0}
    wrong = []
    for trial in (_header_and_key, _proxy, _database):
        watch = Watch()
        with watch:
            trial(dice, documents, watch)
        figures["places searched"] += watch.searched
        figures["samples of arguments"] += watch.samples
        figures["requests that carried one"] += watch.carried
        wrong += watch.wrong
        if not watch.carried:
            wrong.append(f"P13: {trial.__name__} never used its secret")
    return figures, wrong


class Watch:
    """Looks for canaries."""

    def __init__(self):
        self.canaries, self.wrong, self.searched, self.samples, self.carried = [], [], 0, 0, 0
        self._over = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _sample(self):
        while not self._over.wait(0.01):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        self._look((entry / "cmdline").read_bytes(), f"the arguments of process {entry.name}")
                    except OSError:
                        continue
            self.samples += 1

    def _look(self, content, where):
        for canary in self.canaries:
            if canary in content:
                self.wrong.append(f"P13: {canary.decode()} is in {where}")

    def search(self, folder, answers, sources=()):
        """In all files but the secrets' own, and in what was printed."""
        for file in folder.rglob("*"):
            if file.is_file() and file not in sources:
                self._look(file.read_bytes(), file.name)
                self.searched += 1
        for answer in answers:
            self._look(answer.stdout + answer.stderr, "what was printed")
            self.searched += 1


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers in all ways, and says back what it was told."""

    def do_GET(self):
        told = " ".join(value for name, value in self.headers.items() if "uthorization" in name)
        self.server.watch.carried += bool(told)
        echo = f"<html><title>{told}</title><h1>{told}</h1></html>".encode()
        # A password is echoed as it was given, too.
        if told.startswith("Basic "):
            echo += base64.b64decode(told[6:])
        status, kind, body = self.server.dice.choice([
            (200, "application/pdf", PDF), (200, "text/html", echo), (500, "text/html", echo),
            (403, "text/html", echo), (407, "text/html", echo), (302, "text/html", echo), (404, "text/plain", echo)])
        self.send_response_only(status, told if status == 500 else None)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Echo", told)
        if status == 302:
            self.send_header("Location", f"/{told.replace(' ', '%20')}" if self.server.dice.random() < 0.5 else
                             f"https://elsewhere.example.org/?{told}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _serve(dice, watch, context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.dice, server.watch = dice, watch
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _fetch(pipeline, base, documents, options, variables):
    lines = "".join(json.dumps({"id": str(one), "url": f"{base}/{one}.pdf"}) + "\n" for one in range(documents))
    return pipeline.run(
        ["fetch", "--state", pipeline.state, "--rate-limit-delay", "0", "--retries", "2", "--retry-base", "0",
         "--log-level", "trace", "--log-file", pipeline.own / "fetch.log", *options],
        check=False, input=lines.encode(), variables=variables)


def _header_and_key(dice, documents, watch):
    with Pipeline(1) as pipeline:
        key, certificate = pipeline.own / "key.pem", pipeline.own / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days",
             "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        server = _serve(dice, watch, context)
        watch.canaries = [b"canary-in-a-header", *(line for line in key.read_bytes().splitlines() if b"-----" not in line)]
        options = ["--cacert", certificate, "--cert", certificate, "--cert-key", key]
        header = {"CONVEYOR_HEADER": "Authorization: Bearer canary-in-a-header"}
        base = f"https://localhost:{server.server_port}"
        answers = [_fetch(pipeline, base, documents, options, header),
                   _fetch(pipeline, base, FEW, options[:2], header),
                   # A key that is none, and one that belongs to no certificate.
                   _fetch(pipeline, base, FEW, [*options[:4], "--cert-key", certificate], header)]
        server.shutdown()
        watch.search(pipeline.own, answers, sources=[key])


def _proxy(dice, documents, watch):
    with Pipeline(1) as pipeline:
        server = _serve(dice, watch)
        watch.canaries = [b"canary-of-a-proxy", base64.b64encode(b"me:canary-of-a-proxy")]
        answers = []
        for port, scheme, count in ((server.server_port, "http", documents), (server.server_port, "https", FEW),
                                    (1, "http", FEW)):
            proxy = f"http://me:canary-of-a-proxy@127.0.0.1:{port}"
            for variables in ({"CONVEYOR_PROXY": proxy}, {"http_proxy": proxy, "https_proxy": proxy}):
                answers.append(_fetch(pipeline, f"{scheme}://portal.example.org", count, ["--retry-max-time", "2"], variables))
        server.shutdown()
        watch.search(pipeline.own, answers)


def _database(dice, documents, watch):
    canary = "canary-of-a-database"
    with machines.Server() as server:
        server.psql(f"CREATE ROLE bird LOGIN SUPERUSER PASSWORD '{canary}'")
        watch.canaries = [canary.encode()]
        url = f"postgres://bird@127.0.0.1:{server.port}/postgres"
        with Pipeline(documents, index=url, engine="images", variables={"PGPASSWORD": canary}) as pipeline:
            pipeline.options["fetch"] = ["--limiter", url]
            processes = pipeline.start()
            watch.carried += until(lambda: server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'bird'") > "0")
            server.order("stop")
            time.sleep(dice.uniform(0, 1))
            server.order("start")
            if not pipeline.wait(processes):
                watch.wrong.append("P2: the pipeline hung when its database came back")
            server.order("stop")
            answers = [pipeline.run(["enqueue", "count", "--index", url], check=False),
                       pipeline.run(["fetch", "--limiter", url, "--state", pipeline.state], check=False, input=b"")]
            watch.search(pipeline.own, answers)
            watch.wrong += [f"P13: others may read {file.name}" for file in pipeline.state.rglob("*")
                            if not file.is_symlink() and file.stat().st_mode & 0o077 and file.name != "conveyor.log"]
