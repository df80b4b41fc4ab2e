#!/usr/bin/env python3
"""`--workers auto` and `conveyor plan` against an oracle: the real controller, driven through a portal that exists only
here.

The portal answers in 0.8 s until it is asked more than it can take: 16 requests a second at night and at weekends,
4 in office hours, both with noise (15 %, ten minutes long), and now and then an incident. Beyond its knee answers get slower,
then everything does (Gunther's universal scalability law), and once they take three times as long, it refuses. A
refusal pauses everybody, as fetch's limiter does. Each controller sees what fetch sees: how long each request took,
and whether it was refused. The oracle knows the portal, and has the best number of workers at each moment. Beside auto
stand fixed numbers, and what others use: AIMD, Vegas and Gradient2 of Netflix's concurrency-limits.

    Benchmarks/workers.py                      the table and the plans: six days, two seeds; some fifteen minutes
    Benchmarks/workers.py --days 11 --seeds 5 --delay 0.1 --only auto
    Benchmarks/workers.py --spread 1           answers that differ twice as much
    Benchmarks/workers.py --samples FILE       the portal that fetch met, as it noted it (samples.jsonl)
    Benchmarks/workers.py --only plan          a week of auto, what fetch plan makes of it, and the day after
    Benchmarks/workers.py --only real          the same with the sample portal and fetch itself; five minutes
    Benchmarks/workers.py --record FILE --delay 0.1       the samples of such a week
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import harness
from harness import TOOLS, measure, scratch, target

LATENCY = 0.8  # seconds, of a portal that has nothing else to do
DAY, OFFICE = 16.0, 4.0  # requests a second that it can take
KAPPA = 0.002  # how much each pair of requests beyond the knee holds the others up
MOST = 32  # workers, as fetch's default
REFUSES = 3.0  # times its latency, from which it refuses
MONDAY = 1_767_571_200  # 2026-01-05, the first day of a portal: five working days and a weekend
WINDOW = 20  # seconds of a sample


class Portal:
    """The capacity of each second, the same for all controllers of a seed."""

    base = LATENCY

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

    def latency(self, capacity, busy):
        """Seconds that an answer takes while so many requests are under way."""
        knee = capacity * self.base
        if busy <= knee:
            return self.base
        beyond = busy - knee
        return self.base * busy / knee * (1 + KAPPA * beyond * beyond)

    def flow(self, capacity, delay, workers):
        """Requests a second, how long each takes, and what share of them is refused."""
        latency = self.latency(capacity, workers)
        if delay and workers / latency > 1 / delay:
            # Workers wait for their slots: fewer requests are under way than could be.
            latency = self.base
            rate = 1 / delay
        else:
            rate = workers / latency
        refused = min(0.5, max(0.0, latency / self.base - REFUSES) / 6)
        return rate, latency, refused

    def best(self, capacity, delay):
        """What the oracle gets, good answers a second, and with how many workers at least."""
        flows = ((workers, self.flow(capacity, delay, workers)) for workers in range(1, MOST + 1))
        good = [(rate, workers) for workers, (rate, _, refused) in flows if refused == 0]
        return max(good, key=lambda flow: (flow[0], -flow[1]), default=(0.0, 1))


class Recorded(Portal):
    """A portal as fetch noted it. A window in which answers were slow, or refused, shows what it could take then; any
    other only that it took what it was asked: then it is taken to be able to do the most that the file shows."""

    def __init__(self, path):
        lines = [json.loads(line) for line in open(path)]
        host = statistics.mode(line["host"] for line in lines)
        lines = sorted((line for line in lines if line["host"] == host and line["completed"]), key=lambda line: line["at"])
        if not lines:
            sys.exit(f"{path} has no samples of an answer")
        means = sorted(line["latency"]["mean"] for line in lines)
        self.base = means[len(means) // 10]
        most = max(line["completed"] / line["seconds"] * line["latency"]["mean"] / self.base for line in lines)
        self.capacity = []
        first = datetime.fromisoformat(lines[0]["at"]).timestamp() - lines[0]["seconds"]
        for line in lines:
            is_crowded = line["latency"]["mean"] > 1.25 * self.base or line["refused"] + line["broken"]
            capacity = line["completed"] / line["seconds"] if is_crowded else most
            end = int(datetime.fromisoformat(line["at"]).timestamp() - first)
            # Pauses between runs have what came before them.
            before = self.capacity[-1] if self.capacity else capacity
            begin = max(len(self.capacity), int(end - line["seconds"]))
            self.capacity += [before] * (begin - len(self.capacity))
            self.capacity += [max(0.05, capacity)] * max(0, end - begin)


class Samples:
    """Notes what fetch would: a line for each twenty seconds."""

    def __init__(self, path, delay):
        self.file, self.delay, self.answers, self.began = open(path, "w"), delay, [], 0

    def note(self, second, answers, workers):
        self.answers += answers
        if second + 1 - self.began < WINDOW:
            return
        good = sorted(latency for _, latency, is_dropped in self.answers if not is_dropped)
        if self.answers:
            at = datetime.fromtimestamp(MONDAY + second + 1, timezone.utc)
            latency = good and {"mean": round(statistics.mean(good), 4), "p50": round(statistics.median(good), 4),
                                "p95": round(good[int(0.95 * (len(good) - 1))], 4)}
            self.file.write(json.dumps({
                "at": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "host": "portal.example.org:443",
                "seconds": second + 1 - self.began, "workers": workers, "delay": self.delay,
                "started": len(self.answers), "completed": len(good), "refused": len(self.answers) - len(good),
                "broken": 0, "documents": len(good), "latency": latency or None}) + "\n")
        self.answers, self.began = [], second + 1


def run(portal, controller, delay, spread, seed, warm_up, notes=None):
    """Seconds of a controller's life, judged after `warm_up` of them."""
    dice = random.Random(seed * 7 + 1)
    good = refused = asked = oracle = 0
    spent, pause, row = 0.0, 0.0, 0
    limit, owed, known = controller.limit(), 0.0, {}
    for second, capacity in enumerate(portal.capacity):
        key = round(capacity, 1)
        if key not in known:
            known[key] = portal.best(key, delay)[0]
        if second >= warm_up:
            oracle += known[key]
        if pause >= 1:
            pause -= 1
            if notes:
                notes.note(second, [], limit)
            continue
        rate, latency, share = portal.flow(capacity, delay, limit)
        # With a delay requests start in step; without one, as they come.
        owed += rate if delay and rate * delay >= 0.999 else max(0.0, dice.gauss(rate, math.sqrt(rate * 0.5)))
        count, owed = int(owed), owed - int(owed)
        dropped = 0
        answers = []
        for number in range(count):
            is_dropped = dice.random() < share
            dropped += is_dropped
            answers.append((second + number / count, latency * (1 - spread + spread * dice.expovariate(1)), is_dropped))
        if notes:
            notes.note(second, answers, limit)
        limit = controller.told(answers, rate * latency)
        row = row + 1 if dropped else 0
        pause = min(2 * 2 ** (row - 1), 300) if dropped else 0
        if second >= warm_up:
            good, refused, asked = good + count - dropped, refused + dropped, asked + count
            spent += latency * count
    return good / oracle, 1000 * refused / max(1, asked), spent / max(1, asked) / portal.base, good


class Auto:
    """What fetch has, through its hidden option."""

    def __init__(self, delay, start=None):
        command = [TOOLS / "fetch", "replay-workers", "--max-workers", MOST, "--rate-limit-delay", delay]
        command += ["--start", start] if start else []
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1 << 16)
        self.now = self.told([], 0)

    def limit(self):
        return self.now

    def told(self, answers, _):
        lines = [f"{at:.4f} {latency:.4f} {int(is_dropped)}\n" for at, latency, is_dropped in answers]
        self.process.stdin.write("".join(lines) + "\n")
        self.process.stdin.flush()
        self.now = int(self.process.stdout.readline())
        return self.now

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Fixed:
    """A number, and what the controllers of others have in common: each answer changes it."""

    def __init__(self, workers):
        self.workers = workers

    def limit(self):
        return max(1, min(MOST, int(self.workers)))

    def told(self, answers, busy):
        for _, latency, is_dropped in answers:
            self.workers = max(1, min(MOST, self.answered(latency, is_dropped, busy)))
        return self.limit()

    def answered(self, *_):
        return self.workers

    def close(self):
        pass


class AIMD(Fixed):
    """Netflix/concurrency-limits, AIMDLimit: a tenth fewer at each refusal, or an answer of 5 s; else one more."""

    def answered(self, latency, is_dropped, busy):
        if is_dropped or latency > 5:
            return self.workers * 0.9
        return self.workers + (1 if busy * 2 >= self.limit() else 0)


class Vegas(Fixed):
    """The same, VegasLimit: the queue that the best latency lets it guess is kept between two bounds."""

    best, count = math.inf, 0

    def answered(self, latency, is_dropped, busy):
        self.count += 1
        # Now and then what it takes to be the best latency is forgotten.
        if latency < self.best or self.count > 30 * self.workers:
            self.best, self.count = latency, 0
        step = max(1.0, math.log10(self.workers))
        if is_dropped:
            return self.workers - step
        if busy * 2 < self.limit():
            return self.workers
        queue = math.ceil(self.workers * (1 - self.best / latency))
        if queue <= step:
            return self.workers + 6 * step
        return self.workers + (step if queue < 3 * step else -step if queue > 6 * step else 0)


class Gradient2(Fixed):
    """The same, Gradient2Limit: latency now against its long mean, with a queue of one and no floor."""

    long = None

    def answered(self, latency, is_dropped, busy):
        self.long = latency if self.long is None else self.long + (latency - self.long) * 2 / 601
        if self.long / latency > 2:
            self.long *= 0.95
        if busy < self.limit() / 2:
            return self.workers
        gradient = max(0.5, min(1.0, 1.5 * self.long / latency))
        return self.workers * 0.8 + (self.workers * gradient + 1) * 0.2


PARTS = ["auto", "others", "plan", "real"]
OTHERS = {"AIMD": AIMD, "Vegas": Vegas, "Gradient2": Gradient2}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=7, help="days of the portal; the first is not judged")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--delay", type=float, nargs="+", default=[0.5, 0.1, 0.0])
    parser.add_argument("--spread", type=float, default=0.5, help="standard deviation of answers by their mean, 0 to 1")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--fixed", type=int, nargs="*", default=[5, 10], help="also so many workers, always")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--samples", help="the portal of this file")
    parser.add_argument("--record", help="write the samples of auto's first seed to this file, and end")
    options = parser.parse_args()
    if options.record:
        auto = Auto(options.delay[0])
        run(Portal(options.first_seed, options.days), auto, options.delay[0], options.spread, options.first_seed, 0,
            Samples(options.record, options.delay[0]))
        return auto.close()
    print(f"{'':12}{'delay':>7}{'of the oracle':>15}{'refused of 1,000':>18}{'latency ÷ base':>16}")
    for delay in options.delay:
        if "others" in options.only:
            for workers in options.fixed:
                show(str(workers), delay, *judged(lambda: Fixed(workers), delay, options))
            for name, kind in OTHERS.items():
                show(name, delay, *judged(lambda: kind(5), delay, options))
        if "auto" in options.only:
            share, refusals, slowness = judged(lambda: Auto(delay), delay, options)
            show("auto", delay, share, refusals, slowness)
            target(f"delay {delay:g}: share of the oracle, in percent", share * 100, least=96, form="{:.1f}")
            target(f"delay {delay:g}: refusals per 1,000", refusals, most=3, form="{:.1f}")
    if "plan" in options.only and not options.samples:
        for delay in options.delay:
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                plan(delay, seed, options.spread)
    if "real" in options.only and not options.samples:
        real()


def show(name, delay, share, refusals, slowness):
    print(f"{name:12}{delay:7g}{share:15.1%}{refusals:18.1f}{slowness:16.2f}", flush=True)


def judged(make, delay, options):
    """Means over the seeds."""
    figures = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        controller = make()
        portal = Recorded(options.samples) if options.samples else Portal(seed, options.days)
        warm_up = min(86400, len(portal.capacity) // 7)
        figures.append(run(portal, controller, delay, options.spread, seed, warm_up)[:3])
        controller.close()
    return [statistics.mean(values) for values in zip(*figures)]


def plan(delay, seed, spread):
    """A week of auto; what fetch plan expects of the day after; and what that day, and the oracle, then make of it."""
    work = scratch()
    portal = Portal(seed, 8)
    later = Portal(seed, 8)
    portal.capacity, later.capacity = portal.capacity[:7 * 86400], portal.capacity[7 * 86400:]
    auto = Auto(delay)
    run(portal, auto, delay, spread, seed, 0, Samples(work / "samples.jsonl", delay))
    auto.close()
    answer = subprocess.run(
        [TOOLS / "fetch", "plan", "--json", "--state", work, "--at", str(MONDAY + 7 * 86400)],
        env=os.environ | {"TZ": "UTC"}, check=True, capture_output=True, text=True).stdout
    subprocess.run(["rm", "-rf", work])
    host = json.loads(answer)["hosts"][0]
    auto = Auto(delay, host["workers"])
    share, refusals, _, good = run(later, auto, delay, spread, seed, 0)
    auto.close()
    wrong = bound = 0
    for number, hour in enumerate(host["hours"]):
        capacity = statistics.median(later.capacity[number * 3600:(number + 1) * 3600])
        rate, workers = later.best(capacity, delay)
        if delay and rate * delay >= 0.999:
            bound += 1
            wrong += abs(hour["workers"] - workers) > 1
    expected = sum(hour["documents"] for hour in host["hours"])
    test = host["back_test"]
    print(f"plan        {delay:7g}  seed {seed}: {expected:,.0f} documents expected, {good:,} made by auto that "
          f"began with {host['workers']} ({share:.1%} of the oracle, {refusals:.1f} refusals of 1,000); back-test: mean "
          f"error {test['mean_absolute_error']:.1%}", flush=True)
    if bound:
        target(f"delay {delay:g}: of {bound} hours in which it binds, those with workers not within one", wrong, most=0,
               form="{:.0f}")
    target(f"delay {delay:g}: documents of the day, expected and made differ by a share of", abs(expected / good - 1),
           most=0.1, form="{:.3f}")


def real():
    """Two runs of fetch with the sample portal, whose answers take 0.4 to 1.2 s: what the plan made of the first expects
    of the second. 8 workers keep 10 requests a second under way."""
    work = scratch()
    state, records = work / "state", work / "records.jsonl"
    with harness.Portal(work, "--latency", 0.4, "--jitter", 0.8, "--document-size", 30000, "--documents", 3000) as portal:
        def fetch(first, last):
            records.write_text("".join(f'{{"id":"{number}","url":"{portal.url}/documents/{number}.pdf"}}\n'
                                       for number in range(first, last + 1)))
            wall = measure([TOOLS / "fetch", "--workers", "auto", "--state", state, "--rate-limit-delay", 0.1],
                           stdin=records, stdout=work / "out.jsonl").wall
            return (last - first + 1) / wall * 3600

        fetch(1, 1500)
        answer = subprocess.run([TOOLS / "fetch", "plan", "--json", "--state", state, "--rate-limit-delay", "0.1"],
                                check=True, capture_output=True, text=True).stdout
        host = json.loads(answer)["hosts"][0]
        expected, measured = host["hours"][0]["documents"], fetch(1501, 3000)
    subprocess.run(["rm", "-rf", work])
    print(f"sample portal: {host['workers']} workers, {expected:,.0f} documents an hour expected, {measured:,.0f} measured")
    target("sample portal: documents an hour, expected and measured differ by a share of", abs(expected / measured - 1),
           most=0.1, form="{:.3f}")
    target("sample portal: workers besides the 8 that are enough", abs(host["workers"] - 8), most=1, form="{:.0f}")


if __name__ == "__main__":
    sys.exit(main())
