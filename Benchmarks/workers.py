#!/usr/bin/env python3
"""`--workers auto` against an oracle: the real controller, driven through a portal that exists only here.

The portal answers in 0.8 s until it is asked more than it can take: 16 requests a second at night and at weekends,
4 in office hours, both with noise (15 %, ten minutes long), and now and then an incident. Beyond its knee answers get slower,
then everything does (Gunther's universal scalability law), and once they take three times as long, it refuses. A
refusal pauses everybody, as fetch's limiter does. Each controller sees what fetch sees: how long each request took,
and whether it was refused. The oracle knows the portal, and has the best number of workers at each moment.

    Benchmarks/workers.py                      the table: six days, two seeds; some four minutes
    Benchmarks/workers.py --days 11 --seeds 5 --delay 0.1
    Benchmarks/workers.py --spread 1           answers that differ twice as much
"""

import argparse
import math
import random
import statistics
import subprocess
import sys

from harness import TOOLS, target

LATENCY = 0.8  # seconds, of a portal that has nothing else to do
DAY, OFFICE = 16.0, 4.0  # requests a second that it can take
KAPPA = 0.002  # how much each pair of requests beyond the knee holds the others up
MOST = 32  # workers, as fetch's default
REFUSES = 3.0  # times its latency, from which it refuses


class Portal:
    """The capacity of each second, the same for all controllers of a seed."""

    def __init__(self, seed, days):
        dice = random.Random(seed)
        noise, keep = 0.0, math.exp(-1 / 600)
        incidents = {}
        for _ in range(round(days * 2 / 7 + 0.5)):
            begin = dice.randrange(days * 86400)
            for second in range(begin, begin + dice.randrange(600, 3600)):
                incidents[second] = 0.25
        self.capacity = []
        for second in range(days * 86400):
            noise = keep * noise + math.sqrt(1 - keep * keep) * dice.gauss(0, 0.15)
            day, hour = second // 86400 % 7, second // 3600 % 24
            base = OFFICE if day < 5 and 8 <= hour < 17 else DAY
            self.capacity.append(max(0.5, base * (1 + noise)) * incidents.get(second, 1))

    @staticmethod
    def latency(capacity, busy):
        """Seconds that an answer takes while so many requests are under way."""
        knee = capacity * LATENCY
        if busy <= knee:
            return LATENCY
        beyond = busy - knee
        return LATENCY * busy / knee * (1 + KAPPA * beyond * beyond)

    @classmethod
    def flow(cls, capacity, delay, workers):
        """Requests a second, how long each takes, and what share of them is refused."""
        latency = cls.latency(capacity, workers)
        if delay and workers / latency > 1 / delay:
            # Workers wait for their slots: fewer requests are under way than could be.
            latency = LATENCY
            rate = 1 / delay
        else:
            rate = workers / latency
        refused = min(0.5, max(0.0, latency / LATENCY - REFUSES) / 6)
        return rate, latency, refused

    @classmethod
    def best(cls, capacity, delay):
        """What the oracle gets: good answers a second."""
        good = (rate * (1 - refused) for rate, _, refused in
                (cls.flow(capacity, delay, workers) for workers in range(1, MOST + 1)) if refused == 0)
        return max(good, default=0.0)


def run(portal, controller, delay, spread, seed, warm_up):
    """Seconds of a controller's life, judged after `warm_up` of them."""
    dice = random.Random(seed * 7 + 1)
    good = refused = asked = oracle = 0
    spent, pause, row = 0.0, 0.0, 0
    limit, owed, known = controller.limit(), 0.0, {}
    for second, capacity in enumerate(portal.capacity):
        key = round(capacity, 1)
        if key not in known:
            known[key] = Portal.best(key, delay)
        if second >= warm_up:
            oracle += known[key]
        if pause >= 1:
            pause -= 1
            continue
        rate, latency, share = Portal.flow(capacity, delay, limit)
        # With a delay requests start in step; without one, as they come.
        owed += rate if delay and rate * delay >= 0.999 else max(0.0, dice.gauss(rate, math.sqrt(rate * 0.5)))
        count, owed = int(owed), owed - int(owed)
        dropped = 0
        answers = []
        for number in range(count):
            is_dropped = dice.random() < share
            dropped += is_dropped
            answers.append((second + number / count, latency * (1 - spread + spread * dice.expovariate(1)), is_dropped))
        limit = controller.told(answers)
        row = row + 1 if dropped else 0
        pause = min(2 * 2 ** (row - 1), 300) if dropped else 0
        if second >= warm_up:
            good, refused, asked = good + count - dropped, refused + dropped, asked + count
            spent += latency * count
    return good / oracle, 1000 * refused / max(1, asked), spent / max(1, asked) / LATENCY


class Auto:
    """What fetch has, through its hidden option."""

    def __init__(self, delay):
        command = [TOOLS / "fetch", "replay-workers", "--max-workers", str(MOST), "--rate-limit-delay", str(delay)]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1 << 16)
        self.now = self.told([])

    def limit(self):
        return self.now

    def told(self, answers):
        lines = [f"{at:.4f} {latency:.4f} {int(is_dropped)}\n" for at, latency, is_dropped in answers]
        self.process.stdin.write("".join(lines) + "\n")
        self.process.stdin.flush()
        self.now = int(self.process.stdout.readline())
        return self.now

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Fixed:
    def __init__(self, workers):
        self.workers = workers

    def limit(self):
        return self.workers

    def told(self, _):
        return self.workers

    def close(self):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=7, help="days of the portal; the first is not judged")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--delay", type=float, nargs="+", default=[0.5, 0.1, 0.0])
    parser.add_argument("--spread", type=float, default=0.5, help="standard deviation of answers by their mean, 0 to 1")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--fixed", type=int, nargs="*", default=[5, 10], help="also so many workers, always")
    options = parser.parse_args()
    print(f"{'':12}{'delay':>7}{'of the oracle':>15}{'refused of 1,000':>18}{'latency ÷ base':>16}")
    for delay in options.delay:
        for workers in options.fixed:
            show(str(workers), delay, *judged(lambda: Fixed(workers), delay, options))
        share, refusals, slowness = judged(lambda: Auto(delay), delay, options)
        show("auto", delay, share, refusals, slowness)
        target(f"delay {delay:g}: share of the oracle, in percent", share * 100, least=96, form="{:.1f}")
        target(f"delay {delay:g}: refusals per 1,000", refusals, most=3, form="{:.1f}")


def show(name, delay, share, refusals, slowness):
    print(f"{name:12}{delay:7g}{share:15.1%}{refusals:18.1f}{slowness:16.2f}", flush=True)


def judged(make, delay, options):
    """Means over the seeds."""
    figures = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        controller = make()
        figures.append(run(Portal(seed, options.days), controller, delay, options.spread, seed, 86400))
        controller.close()
    return [statistics.mean(values) for values in zip(*figures)]


if __name__ == "__main__":
    sys.exit(main())
