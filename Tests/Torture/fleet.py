"""A head and workers over Redis: workers, heads and Redis are killed in turn, workers are stopped for longer than
others wait for them, and Redis fails over to its replica. In the end everything has to be settled, nothing twice, and
nothing fetched again but what was in hand."""

import copy
import shutil
import signal
import socket
import subprocess
import time

import oracle
import politeness
from pipeline import ROOT, TOOLS, Pipeline, Skipped, crashed, until
from relay import Relay

THREADS = 2

# Notes each document that is completed, so that one that is completed twice is found.
COMPLETIONS = """
    CREATE TABLE completions (id);
    CREATE TRIGGER note AFTER UPDATE ON index_documents
      WHEN NEW.download_status = 'completed' AND OLD.download_status <> 'completed'
      BEGIN INSERT INTO completions VALUES (NEW.id); END;
    """


def short(dice):
    return run(dice, documents=90, rounds=1, takeover=3, stops=1, stopped=4, failovers=1, delay=0.04)


def long(dice):
    return run(dice, documents=6000, rounds=67, takeover=20, stops=20, stopped=90, failovers=50, delay=0.1)


class Redis:
    """A server of its own that keeps its append-only file; gone with its input."""

    def __init__(self, place=(), options=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        script = ROOT / "Tests" / "Support" / "redis-server.sh"
        self.process = subprocess.Popen([*place, "sh", script, str(self.port), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        answer = self.process.stdout.readline().split()
        if answer[:1] != ["ready"]:
            raise Skipped("Redis does not start")
        self.socket = f"{answer[1]}/redis.sock"

    def order(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *map(str, words)], capture_output=True, text=True).stdout

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Fleet:
    """The head and its workers as processes whose numbers are known. `places` are the words that go before the command
    lines of each worker."""

    def __init__(self, pipeline, url, takeover, workers, places=(), head=()):
        self.pipeline, self.workers, self.head = pipeline, {}, []
        self.places, self.place = places, head
        self.environment = {**pipeline.environment, "CONVEYOR_FLEET": url, "CONVEYOR_QUEUE": "mid",
                            "CONVEYOR_LIMITER": url, "CONVEYOR_TAKEOVER": f"{takeover}s"}
        for number in range(workers):
            self.start_worker(number)

    def _start(self, lines, place):
        """Starts programs one behind the other."""
        processes, source = [], subprocess.DEVNULL
        for words in lines:
            is_last = len(processes) == len(lines) - 1
            with open(self.pipeline.own / "fleet.err", "ab") as errors:
                process = subprocess.Popen(
                    [str(word) for word in (*place, TOOLS / words[0], *words[1:])], stdin=source, stderr=errors,
                    stdout=subprocess.DEVNULL if is_last else subprocess.PIPE, env=self.environment, start_new_session=True)
            self.pipeline.sessions.add(process.pid)
            if source is not subprocess.DEVNULL:
                source.close()
            source = process.stdout
            processes.append(process)
        return processes

    def start_worker(self, number):
        machine = copy.copy(self.pipeline)
        machine.state = self.pipeline.own / f"worker{number}"
        machine.workers = THREADS
        machine.state.mkdir(exist_ok=True)
        lines = {words[0]: words for words in machine.commands()}
        log = ["--log-file", machine.state / "conveyor.log", "-q"]
        self.workers[number] = self._start([
            ["queue", "take", "--in-flight", "8", *log], lines["fetch"], lines["upload"],
            ["queue", "give", "--no-records", "--spool", machine.state / "spool", *log]],
            self.places[number] if self.places else ())

    def start_head(self):
        self.pipeline.state.mkdir(exist_ok=True)
        lines = {words[0]: words for words in self.pipeline.commands()}
        log = ["--log-file", self.pipeline.state / "conveyor.log", "-q"]
        for process in self._start([["queue", "recover", *log], [*lines["validate"], "--no-records"]],
                                   self.place):
            process.wait()
        self.head = self._start([
            lines["enqueue"], ["queue", "send", "--window", "40", *log], [*lines["validate"], "--no-records"]],
            self.place)

    def kill(self, processes):
        for process in processes:
            if process.poll() is None:
                process.kill()
        for process in processes:
            process.wait()


def run(dice, documents, rounds, takeover, stops, stopped, failovers, delay, workers=3):
    if not shutil.which("redis-server"):
        raise Skipped("Redis is not installed (scripts/install-dependencies)")
    servers = [Redis(), Redis()]
    address = Relay(servers[0].port)
    figures = {"kills": 0, "stops": 0, "failovers": 0}
    try:
        with Pipeline(documents, workers=THREADS, delay=delay, retry_wait="100ms") as pipeline:
            subprocess.run(["sqlite3", pipeline.index.removeprefix("sqlite:"), COMPLETIONS], check=True)
            servers[1].cli("REPLICAOF", "127.0.0.1", servers[0].port)
            fleet = Fleet(pipeline, f"redis://127.0.0.1:{address.port}/0", takeover, workers)
            fleet.start_head()
            allowed, wrong = disturb(dice, fleet, servers, address, rounds, stops, stopped, failovers, figures)
            wrong += finish(fleet)
            wrong += end_workers(fleet)
            wrong += oracle.check(pipeline)
            wrong += judge(pipeline, servers[0], allowed, delay, figures)
    finally:
        address.close()
        for server in servers:
            server.close()
    return figures, wrong


def disturb(dice, fleet, servers, address, rounds, stops, stopped, failovers, figures):
    """All that is to happen, in turn. Returns how many documents may have been fetched again, and what was wrong."""
    things = ["worker", "head", "redis"] * rounds + ["stop"] * stops + ["failover"] * failovers
    if rounds > 1:
        dice.shuffle(things)
    allowed, asleep = 0, []
    for thing in things:
        time.sleep(dice.uniform(0.3, 1.5))
        for processes, until_time in list(asleep):
            if time.monotonic() > until_time:
                signal_all(processes, signal.SIGCONT)
                asleep.remove((processes, until_time))
        number = dice.randrange(len(fleet.workers))
        if thing == "worker":
            # A whole machine, or one of its tools, which the others notice.
            victims = fleet.workers[number]
            fleet.kill(victims if dice.random() < 0.7 else [dice.choice(victims)])
            signal_all(victims, signal.SIGCONT)
            fleet.pipeline.wait(victims, 60)
            fleet.start_worker(number)
        elif thing == "head":
            fleet.kill(fleet.head)
            fleet.start_head()
        elif thing == "redis":
            servers[0].order("stop")
            time.sleep(dice.uniform(0, 0.5))
            servers[0].order("start")
        elif thing == "stop":
            victims = fleet.workers[number]
            signal_all(victims, signal.SIGSTOP)
            asleep.append((victims, time.monotonic() + stopped))
            figures["stops"] += 1
        else:
            failover(servers, address)
            figures["failovers"] += 1
        if thing in ("worker", "head", "redis"):
            figures["kills"] += 1
        # What was in hand, of all workers at most.
        allowed += THREADS * len(fleet.workers)
        # One that has done its work, or lost Redis for too long, is started again.
        if all(process.poll() is not None for process in fleet.head):
            fleet.start_head()
    for processes, until_time in asleep:
        time.sleep(max(0, until_time - time.monotonic()))
        signal_all(processes, signal.SIGCONT)
    return allowed, []


def failover(servers, address):
    """The replica takes over; what was the primary begins anew as its replica."""
    old, new = servers
    until(lambda: "master_link_status:up" in new.cli("INFO", "replication"), 30)
    old.order("stop")
    new.cli("REPLICAOF", "NO", "ONE")
    address.lead(new.port)
    old.order("start")
    old.cli("REPLICAOF", "127.0.0.1", new.port)
    servers.reverse()


def signal_all(processes, number):
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


def finish(fleet):
    """Lets the head come to its end, and runs it again until a run finds nothing to do."""
    for _ in range(5):
        if not fleet.pipeline.wait(fleet.head, 600):
            return ["P2: the head hung"]
        codes = [process.returncode for process in fleet.head]
        counts = subprocess.run(
            ["sqlite3", fleet.pipeline.index.removeprefix("sqlite:"),
             "SELECT count(*) FROM index_documents WHERE download_status NOT IN ('completed', 'failed')"],
            check=True, capture_output=True, text=True).stdout.strip()
        if counts == "0":
            return [] if set(codes) <= {0, 3} else [f"P2: the last head ended with {codes}"]
        fleet.start_head()
    return [f"P2: {counts} documents are not settled after five heads"]


def end_workers(fleet):
    """Stops the workers in order; returns what was wrong."""
    wrong = []
    for processes in fleet.workers.values():
        signal_all(processes, signal.SIGTERM)
    for processes in fleet.workers.values():
        if not fleet.pipeline.wait(processes, 60):
            wrong.append("P11: a worker did not end")
        wrong += crashed(processes, ["take", "fetch", "upload", "give"])
    return wrong


def judge(pipeline, server, allowed, delay, figures):
    gaps, wrong = politeness.judge(pipeline.log, delay, pause=0)
    figures["smallest gap (ms)"] = gaps["smallest gap (ms)"]
    # What a head left that was killed, another one would clear.
    subprocess.run([TOOLS / "queue", "recover", f"unix:{server.socket}", "--queue", "mid", "--wait", "0"],
                   check=True)
    again = oracle.refetched(pipeline.log)
    figures |= {"scans sent again": again, "allowed": allowed}
    if again > allowed:
        wrong.append(f"P3: {again} scans were sent again, {allowed} may be")
    database = pipeline.index.removeprefix("sqlite:")
    twice = oracle.rows(database, "SELECT count(*) - count(DISTINCT id) FROM completions")[0][0]
    figures["settled twice"] = twice
    if twice:
        wrong.append(f"P4: {twice} documents were completed twice")
    for key, command in (("conveyor:{mid}:work", "XLEN"), ("conveyor:{mid}:runs", "HLEN")):
        left = server.cli(command, key).strip()
        if left != "0":
            wrong.append(f"P9: {key} has {left} left")
    consumers = server.cli("XINFO", "CONSUMERS", "conveyor:{mid}:work", "workers").count("name")
    figures["consumers left"] = consumers
    return wrong
