#!/usr/bin/env python3
"""The limiter, seen from the portal: processes with several threads share one budget, on a machine that has
other work to do, too.

Prints for each delay, number of processes and of workers the rate as a share of the permitted one, the smallest
gap between two requests, and how evenly the processes were served: on an idle machine, niced, beside two busy
loops on one core, and both. What counts is when the kernel saw a request arrive (SO_TIMESTAMPNS), which over
loopback is when it was sent: a portal that is itself kept waiting cannot tell.

    Benchmarks/limiter.py                                  the short table, about eight minutes
    Benchmarks/limiter.py --delay 3 --workers 5 --beside loops
    Benchmarks/limiter.py --full --limiter postgres        everything, over a PostgreSQL server of its own; or redis
    Benchmarks/limiter.py --limiter redis --machines 3     from three machines (network namespaces; as root)
"""

import argparse
import collections
import contextlib
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from harness import TOOLS, PostgresServer, RedisServer, note, scratch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Tests" / "Torture"))
from network import Network  # noqa: E402
from smallpdf import pdf  # noqa: E402

SIDES = {"nothing": (False, False), "nice": (True, False), "loops": (False, True), "nice+loops": (True, True)}
# What is to be reached, as a share of the permitted rate.
BAR = {"nothing": 0.98, "nice": 0.98, "loops": 0.90, "nice+loops": 0.90}
SHORT = {"delay": [0.02, 0.1, 0.5, 3], "processes": [1, 4], "workers": [1, 8]}
FULL = {"delay": [0.02, 0.05, 0.1, 0.5, 3, 10], "processes": [1, 2, 8], "workers": [1, 5, 64]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="all delays, processes and workers")
    parser.add_argument("--delay", type=float, nargs="+")
    parser.add_argument("--processes", type=int, nargs="+")
    parser.add_argument("--workers", type=int, nargs="+")
    parser.add_argument("--beside", choices=list(SIDES), nargs="+", default=["nothing", "nice", "loops"])
    parser.add_argument("--seconds", type=float, default=5, help="time for each measurement (more for long delays)")
    parser.add_argument("--limiter", choices=["file", "postgres", "redis"], default="file")
    parser.add_argument("--machines", type=int, default=0,
                        help="processes are on that many machines, in turn, which know the limiter's server by the network")
    parser.add_argument("--receive", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receive:
        return receive(*options.receive)
    if options.machines and options.limiter == "file":
        parser.error("machines share no file: --machines needs --limiter postgres or redis")
    for name, values in (FULL if options.full else SHORT).items():
        if not getattr(options, name):
            setattr(options, name, values)
    with Network(options.machines) if options.machines else contextlib.nullcontext() as network:
        return compare(options, network)


def compare(options, network):
    address = [network.address] if network else []
    server = {"file": lambda: None, "postgres": PostgresServer, "redis": RedisServer}[options.limiter](*address)
    try:
        print(f"{'beside':11}{'delay':>7}{'processes':>11}{'workers':>9}{'requests':>10}{'of the rate':>13}"
              f"{'smallest gap':>15}{'short':>7}{'shares':>14}")
        missed = sum(measure(options, server, network, *case) for case in cases(options))
    finally:
        if server:
            server.close()
    print(f"{missed} below the bar ({', '.join(f'{name} {bar:.0%}' for name, bar in BAR.items())})")
    return 1 if missed else 0


def cases(options):
    for beside in options.beside:
        for delay in options.delay:
            for processes in options.processes:
                for workers in options.workers:
                    yield beside, delay, processes, workers


def measure(options, server, network, beside, delay, processes, workers):
    """Prints one line; returns whether it is one that misses the bar."""
    is_niced, has_loops = SIDES[beside]
    work = scratch()
    # One core for all that ask and for the loops, the other for what is asked.
    core = {min(os.sched_getaffinity(0))} if has_loops else os.sched_getaffinity(0)
    limiter = work / "limiter.sqlite"
    environment = os.environ
    if options.limiter == "postgres":
        server.sql("DROP TABLE IF EXISTS conveyor_hosts")
        limiter, environment = "postgres:", server.environment
    elif options.limiter == "redis":
        server.cli("DEL", "conveyor:{limiter}:hosts")
        limiter = server.url
    wanted = max(3, round(options.seconds / delay)) + 1
    receiver = Receiver(work, network.address if network else "127.0.0.1")
    children = []
    try:
        loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"], preexec_fn=lambda: os.sched_setaffinity(0, core))
                 for _ in range(2 if has_loops else 0)]
        children += loops
        fetches = [start(network.on(number % network.count) if network else [], work, receiver.url, number, wanted, delay,
                         workers, limiter, environment, core, is_niced)
                   for number in range(processes)]
        children += fetches
        deadline = time.monotonic() + wanted * delay * 3 + 20
        while len(receiver.arrivals()) < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()
        receiver.stop()
        arrivals = receiver.arrivals()
        shutil.rmtree(work)
    return report(beside, delay, processes, workers, arrivals[:wanted], wanted)


def start(place, work, url, number, wanted, delay, workers, limiter, environment, core, is_niced):
    records = work / f"{number}.jsonl"
    records.write_text("".join(f'{{"id":"{id}","url":"{url}/{number}/{id}.pdf"}}\n' for id in range(wanted + workers)))

    def prepare():
        os.sched_setaffinity(0, core)
        if is_niced:
            os.nice(5)

    return subprocess.Popen(
        [*place, TOOLS / "fetch", "--workers", str(workers), "--state", work / f"state{number}", "--limiter", limiter,
         "--rate-limit-delay", str(delay), "--robots", "ignore", "-q"],
        stdin=open(records), stdout=subprocess.DEVNULL, env=environment, preexec_fn=prepare)


def report(beside, delay, processes, workers, arrivals, wanted):
    times = [at for at, _ in arrivals]
    gaps = [after - before for before, after in zip(times, times[1:])]
    if not gaps:
        print(f"{beside:11}{delay:7g}{processes:11}{workers:9}{len(times):10}   nothing came", flush=True)
        return True
    # One that never came is missing from the time that there was.
    rate = len(gaps) * delay / (times[-1] - times[0]) if len(times) == wanted else len(gaps) / wanted / 3
    shares = collections.Counter(who for _, who in arrivals)
    fair = len(times) / processes
    short = sum(gap < delay for gap in gaps)
    mark = "" if rate >= BAR[beside] and not short else "  <<"
    print(f"{beside:11}{delay:7g}{processes:11}{workers:9}{len(times):10}{rate:13.2%}{min(gaps) * 1000:12.2f} ms"
          f"{short:7}{min(shares.values()) / fair if len(shares) == processes else 0:8.2f}–{max(shares.values()) / fair:.2f}{mark}",
          flush=True)
    note(f"{delay:g} s beside {beside}, {processes} × {workers} workers: of the rate, smallest gap",
         f"{rate:.1%}, {min(gaps) * 1000:.2f} ms", f"≥ {BAR[beside]:.0%}, none short{', missed' if mark else ''}")
    return bool(mark)


class Receiver:
    """A portal that answers at once, and writes down when the kernel saw each request."""

    def __init__(self, work, address):
        self.log = work / "arrivals"
        self.process = subprocess.Popen([sys.executable, __file__, "--receive", self.log, address],
                                        stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def arrivals(self):
        if not self.log.exists():
            return []
        whole = self.log.read_text().rpartition("\n")[0]
        return sorted((float(at), who) for at, who in (line.split() for line in whole.splitlines()))

    def stop(self):
        self.process.kill()
        self.process.wait()


SO_TIMESTAMPNS = 35  # asm-generic/socket.h; its control message has the same number


def receive(path, address):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    listener = socket.create_server((address, 0), backlog=1024)
    # Inherited by what it accepts: a request may be there before we could ask for its time.
    listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    print(f"http://{address}:{listener.getsockname()[1]}", flush=True)
    body = pdf(b"%" * 1000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    with open(path, "w", buffering=1) as log:
        while True:
            for key, _ in waiting.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    waiting.register(connection, selectors.EVENT_READ)
                    continue
                try:
                    data, control = key.fileobj.recvmsg(65536, 256)[:2]
                except ConnectionResetError:
                    data = b""
                if not data:
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                seconds, nanoseconds = struct.unpack("ll", control[0][2])
                log.write(f"{seconds}.{nanoseconds:09} {data.split(b'/', 2)[1].decode()}\n")
                key.fileobj.sendall(answer)


if __name__ == "__main__":
    sys.exit(main())
