"""Network namespaces as machines: the portal, a head with index and Redis, and two workers, each with an address of its
own on one bridge. The cable of each worker is pulled out for longer than others wait for it, and so is the head's."""

import shutil
import subprocess
import time

import fleet
import oracle
from network import Network
from pipeline import Pipeline, Skipped

DELAY = 0.06


def short(dice):
    return run(dice, documents=70, cuts=[4, 4, 4], takeover=3)


def long(dice):
    # Beyond ten minutes the workers have ended (69), as Redis was away for too long, and are started again.
    return run(dice, documents=3000, cuts=[30, 30, 30, 600, 600], takeover=20)


def run(dice, documents, cuts, takeover):
    if not shutil.which("redis-server"):
        raise Skipped("Redis is not installed (scripts/install-dependencies)")
    figures, wrong = {"machines": 4, "cuts": len(cuts)}, []
    # The portal is among the servers.
    with Network(3) as network, Pipeline(documents, workers=fleet.THREADS, delay=DELAY, retry_wait="100ms",
                                         portal=["--listen", f"{network.address}:0"]) as pipeline:
        head, *workers = (network.on(number) for number in range(3))
        server = fleet.Redis(head, ["--bind", network.address_of(0), "--protected-mode", "no"])
        try:
            subprocess.run(["sqlite3", pipeline.index.removeprefix("sqlite:"), fleet.COMPLETIONS], check=True)
            machines = fleet.Fleet(pipeline, f"redis://{network.address_of(0)}:{server.port}/0", takeover,
                                   len(workers), workers, head)
            machines.start_head()
            for number, seconds in enumerate(cuts):
                time.sleep(dice.uniform(0.3, 1))
                victim = [1, 2, 0][number % 3]
                network.cut(victim)
                time.sleep(seconds)
                network.mend(victim)
                restart(machines)
            wrong += fleet.finish(machines)
            wrong += fleet.end_workers(machines)
            wrong += oracle.check(pipeline)
            wrong += fleet.judge(pipeline, server, len(cuts) * fleet.THREADS * len(workers), DELAY, figures)
        finally:
            server.close()
    return figures, wrong


def restart(machines):
    """Starts again what has ended, as a service manager does."""
    for number, processes in list(machines.workers.items()):
        if any(process.poll() is not None for process in processes):
            machines.pipeline.wait(processes)
            machines.start_worker(number)
    if any(process.poll() is not None for process in machines.head):
        machines.pipeline.wait(machines.head)
        machines.start_head()
