"""What the documentation's command lines talk to: the tests' PostgreSQL and Redis, the emulators of stores, the sample
portal, and a receiver of webhooks. All on loopback, on free ports, and gone when the program ends."""

import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "Tests" / "Support"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    """Whether something listens at a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Child:
    """A server that says when it is ready with its first line, and ends with its input."""

    def __init__(self, *words):
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.line = self.process.stdout.readline()
        if not self.line:
            sys.exit(f"{words[-2:]} did not start; `make test-servers deps` installs what the tests need")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Postgres(Child):
    """A server with a database `users`: the table as users have it, with the sample portal's rows."""

    def __init__(self, csv):
        self.port = free_port()
        super().__init__("sh", SUPPORT / "postgres-server.sh", self.port)
        self.lock = threading.Lock()
        self.sql("postgres", "CREATE DATABASE users")
        self.sql("users", users_table())
        columns = csv.read_text().partition("\n")[0]
        self.sql("users", f"\\copy index_documents ({columns}) from '{csv}' csv header")

    def sql(self, database, text):
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"], check=True, text=True,
                       input=text, env={"PATH": "/usr/bin:/bin", **self.environment("postgres")}, capture_output=True)

    def database(self, name):
        """Another copy of the users' table."""
        with self.lock:  # A template must not be in use.
            self.sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE users')

    def environment(self, prefix_database):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": "right",
                "PGDATABASE": prefix_database}


def users_table():
    """The SQL of Tests/Support/UsersTable.swift."""
    text = (SUPPORT / "UsersTable.swift").read_text()
    others = re.findall(r'"(\w+)"', re.search(r"others = \[(.*?)\]", text, re.DOTALL)[1])
    sql = re.search(r'sql = """\n(.*?)"""', text, re.DOTALL)[1]
    return re.sub(r"\\\(others[^\n]*\)", lambda _: ", ".join(f"{name} text" for name in others), sql)


def users_table_in_sqlite():
    """The same table in SQLite, without what hangs on it."""
    table = re.search(r"CREATE TABLE.*?\);", users_table(), re.DOTALL)[0]
    return table.replace("bigserial PRIMARY KEY", "INTEGER PRIMARY KEY")


class Redis(Child):
    """A server with the users of deploy/redis.acl, and one who may do anything."""

    def __init__(self, folder):
        self.port = free_port()
        users = (ROOT / "deploy" / "redis.acl").read_text()
        (folder / "redis.acl").write_text(users.replace("user default off", "user default on nopass ~* &* +@all"))
        super().__init__("sh", SUPPORT / "redis-server.sh", self.port, "--aclfile", folder / "redis.acl",
                         "--databases", 64)


class Store(Child):
    """An emulator of `gs` or `s3`."""

    def __init__(self, kind):
        self.kind = kind
        super().__init__(sys.executable, ROOT / "Tests" / "StoreTests" / "Servers" / "serve.py", kind, "first")
        self.url = f"http://127.0.0.1:{json.loads(self.line)['port']}"

    def bucket(self, name):
        if self.kind == "gs":
            request = urllib.request.Request(
                f"{self.url}/storage/v1/b?project=test", json.dumps({"name": name}).encode(),
                {"Content-Type": "application/json"})
        else:
            request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        urllib.request.urlopen(request).close()


class Portal:
    """The sample portal."""

    def __init__(self, tool, folder, *options):
        port = folder / "portal.url"
        self.process = subprocess.Popen([tool, "--port-file", port, *options],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not port.exists() or not port.read_text().strip():
            if self.process.poll() is not None:
                sys.exit("the sample portal did not start")
            time.sleep(0.02)
        self.url = port.read_text().strip().rstrip("/")

    def close(self):
        self.process.terminate()
        self.process.wait()


class Receiver:
    """Takes each webhook and ping."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
