"""Several machines on one PostgreSQL: host names, state directories and leases of their own, one limiter in the
database. Machines and single tools are stopped beyond their lease and woken, and the database is stopped at once and
started, until all is settled."""

import copy
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import oracle
import politeness
from pipeline import ROOT, Pipeline, Skipped

LEASE, DELAY = 2, 0.06

# Notes each document that is completed, so that one that is completed twice is found.
COMPLETIONS = """
    CREATE TABLE completions (id bigint);
    CREATE FUNCTION note() RETURNS trigger AS $$
      BEGIN INSERT INTO completions VALUES (NEW.id); RETURN NULL; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER note AFTER UPDATE ON index_documents FOR EACH ROW
      WHEN (NEW.download_status = 'completed' AND OLD.download_status <> 'completed') EXECUTE FUNCTION note()
    """


def short(dice):
    return run(dice, machines=3, documents=100)


def long(dice):
    return run(dice, machines=4, documents=1500)


class Server:
    """A PostgreSQL server of its own, also at an address of another network; gone with its input."""

    def __init__(self, address=None):
        self.address = address

    def __enter__(self):
        if not Path("/usr/lib/postgresql").exists():
            raise Skipped("PostgreSQL is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        script = ROOT / "Tests" / "Support" / "postgres-server.sh"
        self.process = subprocess.Popen(
            ["sh", script, str(self.port), *([self.address] if self.address else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        if not self.process.stdout.readline().startswith("ready "):
            raise Skipped("PostgreSQL does not start")
        self.url = f"postgres://postgres:right@{self.address or '127.0.0.1'}:{self.port}/postgres"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def order(self, command):
        """`stop`, at once and without ceremony, or `start`."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def psql(self, sql):
        answer = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-d", self.url, "-c", sql],
                                check=True, capture_output=True, text=True)
        return answer.stdout.strip()


def run(dice, machines, documents):
    if os.geteuid() != 0:
        raise Skipped("host names of their own take root")
    with Server() as server, Pipeline(documents, workers=1, delay=DELAY, index=server.url, engine="images") as pipeline:
        server.psql(COMPLETIONS)
        figures, wrong = {"machines": machines, "documents": documents}, []
        stopped, restarts = _disturb(dice, server, pipeline, machines, wrong)
        wrong += pipeline.finish(300)
        wrong += oracle.check(pipeline, counts_pages=True)
        twice = server.psql("SELECT count(*) - count(DISTINCT id) FROM completions")
        if twice != "0":
            wrong.append(f"P4: {twice} documents were completed twice")
        for row in oracle.index_rows(pipeline.index):
            if row["download_status"] == "completed" and row["download_attempts"] != 1:
                wrong.append(f"P5: document {row['id']} used up {row['download_attempts']} attempts")
        figures |= {"stopped beyond the lease": stopped, "database stopped": restarts,
                    "stale outcomes refused": sum(_refused(file) for file in pipeline.own.glob("validate*.jsonl")),
                    "completed twice": int(twice), "scans sent again": oracle.refetched(pipeline.log)}
        # A process that is stopped between its slot and its request is late without knowing it.
        gaps, _ = politeness.judge(pipeline.log, DELAY, pause=0)
        figures["smallest gap (ms)"] = gaps["smallest gap (ms)"]
    return figures, wrong


def _machine(pipeline, number):
    machine = copy.copy(pipeline)
    machine.state = pipeline.own / f"state{number}"
    machine.options = {**pipeline.options, "enqueue": ["--lease", f"{LEASE}s"], "fetch": ["--limiter", pipeline.index]}
    name = ["unshare", "--uts", "sh", "-c", f'hostname machine{number}; exec "$0" "$@"']
    tools = ["enqueue", "fetch", "optimize", "upload", "validate"]
    with open(pipeline.own / f"validate{number}.jsonl", "ab") as output:
        return machine.start(prefix={tool: name for tool in tools}, output=output)


def _disturb(dice, server, pipeline, count, wrong):
    """Stops and wakes until all have ended; returns how often a machine and how often the database was stopped."""
    machines = [_machine(pipeline, number) for number in range(count)]
    stopped = restarts = 0
    deadline = time.monotonic() + 3600
    while awake := [machine for machine in machines if any(process.poll() is None for process in machine)]:
        if time.monotonic() > deadline:
            wrong.append("P2: machines hang")
            break
        time.sleep(dice.uniform(0.2, 1))
        if stopped > restarts and dice.random() < 0.3:
            server.order("stop")
            time.sleep(dice.uniform(0, 2))
            server.order("start")
            restarts += 1
            continue
        machine = dice.choice(awake)
        victims = machine if dice.random() < 0.7 else [dice.choice(machine)]
        _signal(victims, signal.SIGSTOP)
        time.sleep(dice.uniform(LEASE * 1.2, LEASE * 2))
        if len(awake) < count + 2:
            # A newcomer takes back what the sleeper holds, and works on it.
            machines.append(_machine(pipeline, len(machines)))
            time.sleep(dice.uniform(0.5, 2))
        _signal(victims, signal.SIGCONT)
        stopped += 1
    for machine in machines:
        _signal(machine, signal.SIGKILL)
        for process in machine:
            process.wait()
    return stopped, restarts


def _signal(processes, number):
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


def _refused(file):
    """Outcomes that came too late, as validate says."""
    outcomes = (json.loads(line).get("validate", {}).get("outcome") for line in file.read_text().splitlines())
    return sum(outcome == "lease_lost" for outcome in outcomes)
