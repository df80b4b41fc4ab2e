"""Network namespaces as machines: the portal, a head with index and Redis, and two workers, each with an address of its
own on one bridge. The cable of each worker is pulled out for longer than others wait for it, and so is the head's."""

import os
import shutil
import subprocess
import time

import fleet
import oracle
from pipeline import TOOLS, Pipeline, Skipped, until

DELAY = 0.06


def short(dice):
    return run(dice, documents=70, cuts=[4, 4, 4], takeover=3)


def long(dice):
    # Beyond ten minutes the workers have ended (69), as Redis was away for too long, and are started again.
    return run(dice, documents=3000, cuts=[30, 30, 30, 600, 600], takeover=20)


class Network:
    """Namespaces on a bridge that is in one of its own; gone in the end."""

    def __init__(self, names):
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise Skipped("network namespaces take root and ip(8)")
        self.names, self.prefix = names, f"cv{os.getpid()}"
        self.bridge = self._name("net")
        try:
            self._ip("netns", "add", self.bridge)
            self._ip("-n", self.bridge, "link", "add", "bridge", "type", "bridge")
            self._ip("-n", self.bridge, "link", "set", "bridge", "up")
            for name in names:
                self._add(name)
        except subprocess.CalledProcessError as error:
            self.close()
            raise Skipped(f"no network namespaces here: {error.stderr.strip()}")

    def _name(self, name):
        return f"{self.prefix}-{name}"

    def _ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def _add(self, name):
        space = self._name(name)
        self._ip("netns", "add", space)
        self._ip("-n", self.bridge, "link", "add", name, "type", "veth", "peer", "name", "cable", "netns", space)
        self._ip("-n", self.bridge, "link", "set", name, "master", "bridge", "up")
        self._ip("-n", space, "address", "add", f"{self.address(name)}/24", "dev", "cable")
        for device in ("cable", "lo"):
            self._ip("-n", space, "link", "set", device, "up")

    def address(self, name):
        return f"10.77.0.{self.names.index(name) + 1}"

    def inside(self, name):
        """Words that make the program behind them run on a machine."""
        return ["ip", "netns", "exec", self._name(name)]

    def plug(self, name, is_in):
        self._ip("-n", self.bridge, "link", "set", name, "up" if is_in else "down")

    def close(self):
        for name in [*self.names, "net"]:
            subprocess.run(["ip", "netns", "del", self._name(name)], capture_output=True)


class Machines(Pipeline):
    """A pipeline whose portal is on a machine of its own."""

    def __init__(self, network, *arguments, **more):
        self.network = network
        super().__init__(*arguments, **more)

    def _start_portal(self):
        port = self.own / "port"
        process = subprocess.Popen(
            [*self.network.inside("portal"), TOOLS / "portal", "--listen", f"{self.network.address('portal')}:0",
             "--port-file", port, "--log", self.log, *self.sample], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not until(lambda: port.exists() and port.read_text().strip(), process=process):
            raise SystemExit("the portal did not start")
        self.base = port.read_text().strip()
        return process


def run(dice, documents, cuts, takeover):
    if not shutil.which("redis-server"):
        raise Skipped("Redis is not installed (scripts/install-dependencies)")
    workers = ["worker1", "worker2"]
    network = Network(["portal", "head", *workers])
    server, figures, wrong = None, {"machines": 4, "cuts": len(cuts)}, []
    try:
        head = network.inside("head")
        server = fleet.Redis(head, ["--bind", network.address("head"), "--protected-mode", "no"])
        with Machines(network, documents, workers=fleet.THREADS, delay=DELAY, retry_wait="100ms") as pipeline:
            subprocess.run(["sqlite3", pipeline.index.removeprefix("sqlite:"), fleet.COMPLETIONS], check=True)
            machines = fleet.Fleet(pipeline, f"redis://{network.address('head')}:{server.port}/0", takeover,
                                   len(workers), [network.inside(name) for name in workers], head)
            machines.start_head()
            for number, seconds in enumerate(cuts):
                time.sleep(dice.uniform(0.3, 1))
                victim = [*workers, "head"][number % 3]
                network.plug(victim, False)
                time.sleep(seconds)
                network.plug(victim, True)
                restart(machines)
            wrong += fleet.finish(machines)
            wrong += fleet.end_workers(machines)
            wrong += oracle.check(pipeline)
            wrong += fleet.judge(pipeline, server, len(cuts) * fleet.THREADS * len(workers), DELAY, figures)
    finally:
        if server:
            server.close()
        network.close()
    return figures, wrong


def restart(machines):
    """Starts again what has ended, as a service manager does."""
    for number, processes in list(machines.workers.items()):
        if any(process.poll() is not None for process in processes):
            machines.pipeline.wait(processes, 90)
            machines.start_worker(number)
    if any(process.poll() is not None for process in machines.head):
        machines.pipeline.wait(machines.head, 90)
        machines.start_head()
