"""What all comparisons share: run a command as a whole process, measure it, print medians and ratios."""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "release"))
# The portal files name a real server: what gets no address from here asks none.
os.environ["CONVEYOR_PORTAL_BASE"] = "http://127.0.0.1:1/"

DURATION = re.compile(
    r"\[(\d+)\] LOG:  duration: ([0-9.]+) ms  (parse|bind|execute|statement)[^:]*: (.*)")


class Sample:
    """One run: seconds on the clock, seconds of processor time, peak memory in MiB."""

    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


def measure(command, stdin=None, stdout=None, env=None, may_fail=False):
    """Runs a command (a list, or a string for bash) to its end."""
    argv = ["bash", "-c", command] if isinstance(command, str) else [str(part) for part in command]
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    sink = open(stdout, "wb") if stdout else subprocess.DEVNULL
    began = time.monotonic()
    child = subprocess.Popen(argv, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=env)
    # Drained first: a child that fills the pipe would wait for ever.
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if child.returncode != 0 and not may_fail:
        sys.exit(f"{argv[:3]}… ended with {child.returncode}: {errors[-2000:].decode(errors='replace')}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(samples, figure):
    return statistics.median(getattr(sample, figure) for sample in samples)


def rounds(contenders, runs):
    """Runs all contenders in turn, so that a machine that drifts drifts for all of them.

    contenders: name -> function that runs once and returns a Sample. Returns name -> list of samples.
    """
    results = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            results[name].append(run())
    return results


def table(title, results, items, ours, least=None, most_cpu=None):
    """Prints a line for each contender: items per second, processor time an item, memory, ratio.

    least: contender -> how many times as many a second ours has to make. most_cpu: milliseconds an item for ours.
    """
    print(f"\n{title}")
    print(f"  {'':26}{'per second':>12}{'cpu ms each':>13}{'MiB':>8}{'ours ÷ it':>11}")
    best = items / median(results[ours], "wall")
    ratios = {}
    for name, samples in results.items():
        rate = items / median(samples, "wall")
        ratios[name] = best / rate
        cpu = median(samples, "cpu") * 1000 / items
        memory = median(samples, "memory")
        print(f"  {name:26}{rate:12,.0f}{cpu:13.3f}{memory:8.0f}{best / rate:11.2f}", flush=True)
    target(f"{title}: processor ms each", median(results[ours], "cpu") * 1000 / items, most=most_cpu, form="{:.3f}")
    for name, ratio in ratios.items():
        if name != ours:
            target(f"{title}: a second ÷ {name}", ratio, least=(least or {}).get(name))


def target(what, found, least=None, most=None, form="{:.2f}"):
    """A figure for the table that all.py makes; where something was to be reached, one line: whether it was."""
    if least is None and most is None:
        return note(what, form.format(found))
    bound = f"≥ {form.format(least)}" if least is not None else f"≤ {form.format(most)}"
    met = found >= least if least is not None else found <= most
    print(f"  {'met   ' if met else 'MISSED'}  {what}: {form.format(found)} ({bound})", flush=True)
    note(what, form.format(found), bound if met else f"{bound}, missed")


def note(what, figure, bound=""):
    """A row of the table that all.py makes of all benchmarks, where it is all.py that runs this one."""
    if place := os.environ.get("BENCH_FIGURES"):
        with open(place, "a") as file:
            file.write(json.dumps([what, figure, bound]) + "\n")


def scratch():
    """A directory on tmpfs: creating and deleting thousands of files hides every difference on some
    file systems."""
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(tempfile.mkdtemp(prefix="conveyor-bench-", dir=base))


def emptied(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def need(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; `make bench` installs what the benchmarks need")


class Portal:
    """The sample portal with the given options, until it is stopped or the block ends."""

    def __init__(self, work, *options):
        port = emptied(work / "portal") / "url"
        command = [TOOLS / "portal", "--port-file", port, *options]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not port.exists() or not port.read_text().strip():
            if self.process.poll() is not None:
                sys.exit("the sample portal did not start")
            time.sleep(0.02)
        self.url = port.read_text().strip()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class RedisServer:
    """The tests' server, as a real one is set up: it keeps its append-only file within a second."""

    def __init__(self, address="127.0.0.1"):
        self.port = free_port()
        script = ROOT / "Tests" / "Support" / "redis-server.sh"
        self.process = subprocess.Popen(
            # The script's own address once more, for who asks it what it holds; the same one twice is refused.
            ["sh", script, str(self.port), "--bind", " ".join({address, "127.0.0.1"}), "--protected-mode", "no"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.directory = self.process.stdout.readline().split()[1]
        self.url = f"redis://{address}:{self.port}/0"

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def cli(self, *words):
        command = ["redis-cli", "-p", str(self.port), *map(str, words)]
        return subprocess.run(command, text=True, check=True, capture_output=True).stdout


class PostgresServer:
    """The tests' server, but one that syncs its disk as a real one does."""

    def __init__(self, address=None):
        self.port = free_port()
        script = ROOT / "Tests" / "Support" / "postgres-server.sh"
        self.process = subprocess.Popen(
            ["sh", script, str(self.port), *([address] if address else [])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.directory = self.process.stdout.readline().split()[1]
        # Over the network the server asks for the password that the script sets.
        self.environment = os.environ | {"PGHOST": address or self.directory, "PGPORT": str(self.port),
                                         "PGUSER": "postgres", "PGDATABASE": "postgres", "PGPASSWORD": "right"}
        self.log = f"{self.directory}/log"
        for setting in ("fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'",
                        # A wait for a lock that takes longer than this is logged.
                        "log_lock_waits = on", "deadlock_timeout = '50ms'"):
            self.sql(f"ALTER SYSTEM SET {setting}")
        for order in ("stop", "start"):
            self.process.stdin.write(order + "\n")
            self.process.stdin.flush()
            self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def sql(self, text):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.directory, "-p",
                   str(self.port), "-U", "postgres", "-d", "postgres"]
        began = time.monotonic()
        done = subprocess.run(command, input=text, text=True, check=True, capture_output=True)
        return done.stdout, time.monotonic() - began

    def log_durations(self, least):
        self.sql(f"ALTER SYSTEM SET log_min_duration_statement = {least}")
        self.sql("SELECT pg_reload_conf()")
        # A connection has the setting that the server had when it was made.
        while self.sql("SHOW log_min_duration_statement")[0].strip() != least:
            time.sleep(0.01)

    def durations(self, needle, run):
        """Milliseconds of each statement with `needle` that `run` causes: parse, bind and execute."""
        start = os.path.getsize(self.log)
        # Only here: writing down every statement with its values costs a batch a third of its speed.
        self.log_durations("0")
        run()
        self.log_durations("-1")
        with open(self.log, "rb") as log:
            log.seek(start)
            text = log.read().decode(errors="replace")
        found, current = [], {}
        for line in text.splitlines():
            match = DURATION.search(line)
            if not match or needle not in match[4]:
                continue
            process = match[1]
            current[process] = current.get(process, 0.0) + float(match[2])
            if match[3] in ("execute", "statement"):
                found.append(current.pop(process))
        return found


def fill_postgres(server, environment, rows):
    """An index of pending documents, about 250 in a book, as `enqueue init` makes it."""
    subprocess.run([TOOLS / "enqueue", "init", "--index", "postgres:"], env=environment, check=True,
                   capture_output=True)
    server.sql(f"""
        CREATE INDEX idx_download_status ON index_documents (download_status);
        INSERT INTO index_documents (source, book, page, instrument_number,
          instrument_type_parsed, download_priority, grantor_party, legals)
        SELECT 'DuProcess', 1 + n / 250, 1 + n % 250, n,
          (ARRAY['DEED', 'MINERAL DEED', 'LEASE', 'RELEASE'])[1 + n % 4], 1 + n % 4,
          repeat('GRANTOR ', 5), repeat('LOT ', 20)
        FROM generate_series(0, {rows - 1}) AS n;
        VACUUM ANALYZE index_documents""")
