"""Three machines, each in a network namespace of its own, with the index, the limiter and the portal in a fourth. While
they work, an operator orders another delay, a pause and hours. Each takes hold on all machines within a second, costs no
attempt, is in their logs, and survives that a machine is killed and started, and the database stopped and started.
Only the portal's own log counts."""

import copy
import signal
import time

import oracle
from machines import Server
from network import Network
from pipeline import Pipeline, until
from politeness import LATE, ON_ITS_WAY

DELAY, SLOWER = 0.1, 0.5
# An order holds within a second (`Limiter.steeringAge`); what was sent by then may arrive a little later.
HOLDS = 1 + ON_ITS_WAY
# Between midnight and one minute past, in a zone where it is another time now.
NEVER = "00:00-00:01"


def short(dice):
    return run(dice, machines=3, documents=120, rounds=1)


def long(dice):
    return run(dice, machines=3, documents=3000, rounds=12)


def run(dice, machines, documents, rounds):
    with Network(machines) as network, Server(network.address) as server, Pipeline(
            documents, workers=3, delay=DELAY, index=server.url, engine="images",
            portal=["--listen", f"{network.address}:0"]) as pipeline:
        trial = Trial(dice, network, server, pipeline)
        figures, wrong = trial.run(rounds)
        # What a machine that was killed had may come back after the others have ended.
        wrong += pipeline.finish(300)
        return figures, wrong + oracle.check(pipeline)


class Trial:
    def __init__(self, dice, network, server, pipeline):
        self.dice, self.network, self.server, self.pipeline = dice, network, server, pipeline
        self.host = pipeline.base.removeprefix("http://").strip("/")
        self.wrong, self.orders, self.held_after = [], 0, {}

    def run(self, rounds):
        machines = [self._start(number) for number in range(len(self.network.machines))]
        self._expect("no machine asks the portal", self._are_asking(len(machines)))
        for _ in range(rounds):
            self._slow_down()
            self._pause(machines)
            self._close()
        self._order("set", self.host, "--delay", "0.002")
        for number, processes in enumerate(machines):
            self._expect(f"machine {number} does not end", self.pipeline.wait(processes, 300))
        self._read_logs()
        self._count_attempts()
        held = {f"{text} held after (ms)": round(seconds * 1000) for text, seconds in self.held_after.items()}
        return {"machines": len(machines), "documents": self.pipeline.documents, "orders": self.orders, **held}, self.wrong

    def _start(self, number):
        machine = copy.copy(self.pipeline)
        machine.state = self.pipeline.own / f"state{number}"
        machine.options = {**self.pipeline.options, "fetch": ["--limiter", self.pipeline.index]}
        prefix = {words[0]: self.network.on(number) for words in machine.commands()}
        return machine.start(prefix=prefix)

    def _order(self, *words):
        """Gives an order; returns when it was given."""
        self.pipeline.run(["fetch", "limiter", *words, "--limiter", self.pipeline.index, "--state", self.pipeline.own])
        return time.monotonic()

    def _starts(self, since=0.0):
        starts = (request["start"] / 1e9 for request in oracle.requests(self.pipeline.log))
        return sorted(start for start in starts if start > since)

    def _are_asking(self, requests, since=0.0, seconds=60):
        return until(lambda: len(self._starts(since)) >= requests, seconds)

    def _expect(self, text, holds):
        if not holds:
            self.wrong.append(f"P6: {text}")

    def _note(self, text, ordered, last):
        """The last request that an order forbids."""
        self.orders += 1
        self.held_after[text] = max(self.held_after.get(text, 0), last - ordered)
        if last - ordered > HOLDS:
            self.wrong.append(f"P6: {text} held after {last - ordered:.2f} s")

    def _slow_down(self):
        ordered = self._order("set", self.host, "--delay", str(SLOWER))
        self._expect("nothing is asked at the slower pace", self._are_asking(6, ordered + HOLDS))
        starts = self._starts(ordered - 1)
        early = [after for before, after in zip(starts, starts[1:]) if after > ordered and after - before < SLOWER - LATE]
        self._note("a longer delay", ordered, max(early, default=ordered))
        self._order("set", self.host, "--delay", str(DELAY))

    def _pause(self, machines):
        self._expect("nothing is asked before the pause", self._are_asking(3, time.monotonic()))
        ordered = self._order("pause", self.host, "--why", "torture")
        time.sleep(HOLDS)
        number = self.dice.randrange(len(machines))
        for process in machines[number]:
            process.send_signal(signal.SIGKILL)
            process.wait()
        machines[number] = self._start(number)
        self.server.order("stop")
        self.server.order("start")
        time.sleep(1.5)
        self._note("a pause", ordered, max(self._starts(ordered), default=ordered))
        resumed = self._order("resume", self.host)
        self._expect("nothing is asked after a pause", self._are_asking(3, resumed))

    def _close(self):
        # Where it is midnight, nobody has to be for this test: UTC±12 never is at the same time.
        zone = "Etc/UTC" if 1 <= time.gmtime().tm_hour < 23 else "Etc/GMT+12"
        ordered = self._order("hours", self.host, f"{NEVER} {zone}")
        time.sleep(HOLDS + 1)
        self._note("hours", ordered, max(self._starts(ordered), default=ordered))
        opened = self._order("hours", self.host, "always")
        self._expect("nothing is asked after hours", self._are_asking(3, opened))

    def _read_logs(self):
        for number in range(len(self.network.machines)):
            log = (self.pipeline.own / f"state{number}" / "conveyor.log").read_text(errors="replace")
            for text in (f"{SLOWER} s between requests", "paused until it is resumed: torture", f"hours {NEVER}"):
                if text not in log:
                    self.wrong.append(f"P6: the log of machine {number} does not say {text!r}")

    def _count_attempts(self):
        for row in oracle.index_rows(self.pipeline.index):
            if row["download_status"] == "completed" and row["download_attempts"] != 1:
                self.wrong.append(f"P5: document {row['id']} used up {row['download_attempts']} attempts")
