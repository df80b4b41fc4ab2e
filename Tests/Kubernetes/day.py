#!/usr/bin/env python3
"""A day of the autoscaler, with the view that it asks (`enqueue scaling`) in a real PostgreSQL.

    day.py            all trials; ends with 1 where something was not as it should be
    day.py --table    only the day on paper: rows and budgets are written, nobody works

First on paper: a day in steps of 15 seconds, in which budgets and backlog change. Then with real `conveyor run` as
pods, a second for ten minutes: the autoscaler starts them, stops them with SIGTERM, a node is lost (kill -9), and
everything has to arrive. What decides are the numbers of overlays/keda, and the formula of the Horizontal Pod
Autoscaler: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details".

The tools are taken from .build/debug, or from CONVEYOR_BIN. Needs: PostgreSQL, and `make .build/kubernetes/ready`.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Torture"))
import oracle  # pylint: disable=wrong-import-position
from machines import Server  # pylint: disable=wrong-import-position
from manifests import check, failures, rendered  # pylint: disable=wrong-import-position
from pipeline import ROOT, TOOLS, Pipeline  # pylint: disable=wrong-import-position
from politeness import LATE  # pylint: disable=wrong-import-position

# Seconds of the day in a second of ours, where real pods work.
SPEED = 600
HOUR = 3600
# How often the autoscaler decides (--horizontal-pod-autoscaler-sync-period), and how close is close enough
# (--horizontal-pod-autoscaler-tolerance).
SYNC, TOLERANCE = 15, 0.1


class Autoscaler:
    """KEDA's step between none and one, and Kubernetes' formula above it. Pure: it is told the time and the value."""

    def __init__(self, scaled, kind="AverageValue"):
        spec = scaled["spec"]
        behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self.kind = kind
        self.target = float(spec["triggers"][0]["metadata"]["targetQueryValue"])
        self.maximum, self.cooldown = spec["maxReplicaCount"], spec["cooldownPeriod"]
        self.window = behavior["scaleDown"]["stabilizationWindowSeconds"]
        self.up, self.down = (behavior[way]["policies"][0] for way in ("scaleUp", "scaleDown"))
        self.pods, self.active_at, self.wished, self.changes = 0, -math.inf, [], []

    def formula(self, value):
        """ceil(current × value/target); an average is of all current pods."""
        metric = value / self.pods if self.kind == "AverageValue" else value
        ratio = metric / self.target
        return self.pods if abs(ratio - 1) <= TOLERANCE else math.ceil(round(self.pods * ratio, 9))

    def changed(self, now, seconds, sign):
        return sum(abs(change) for at, change in self.changes if at > now - seconds and change * sign > 0)

    def decide(self, now, value):
        if value > 0:
            self.active_at = now
        before = self.pods
        if self.pods == 0:
            self.pods = 1 if value > 0 else 0
        elif value == 0 and now - self.active_at >= self.cooldown:
            self.pods = 0
        else:
            wish = max(1, min(self.maximum, self.formula(value)))
            self.wished = [(at, pods) for at, pods in self.wished if at > now - self.window] + [(now, wish)]
            if wish < self.pods:
                least = self.pods - max(0, self.down["value"] - self.changed(now, self.down["periodSeconds"], -1))
                self.pods = max(least, min(self.pods, max(pods for _, pods in self.wished)))
            else:
                most = self.pods + max(0, self.up["value"] - self.changed(now, self.up["periodSeconds"], 1))
                self.pods = min(wish, most)
        if self.pods != before:
            self.changes.append((now, self.pods - before))
        return self.pods


def check_formula(scaled):
    """The examples of Kubernetes' own page, and why the metric's type matters."""
    one = Autoscaler(scaled, "Value")
    one.pods = 2
    check("twice the target doubles the pods", one.formula(2) == 4)
    check("half the target halves them", one.formula(0.5) == 1)
    check("within a tenth nothing changes", one.formula(1.09) == 2 and one.formula(0.91) == 2)
    average = Autoscaler(scaled)
    for pods in range(1, 9):
        average.pods = one.pods = pods
        numbers = [average.formula(value) for value in range(1, 9)]
        check(f"from {pods} pods the average asks for the view's number", numbers == list(range(1, 9)), numbers)
    one.pods, grown = 2, []
    for _ in range(4):
        one.pods = one.formula(2)
        grown.append(one.pods)
    check("with metricType Value the same two would never end", grown == [4, 8, 16, 32], grown)


class Index:
    """A database with the view in it."""

    def __init__(self, server, pipeline):
        self.server, self.pipeline = server, pipeline
        sql = pipeline.run(["enqueue", "scaling", "--stage", pipeline.own / "stage.yaml"], text=True).stdout
        server.psql(sql)
        server.psql("CREATE ROLE keda LOGIN PASSWORD 'right'; GRANT SELECT ON conveyor_scaling_stage TO keda")
        self.reader = server.url.replace("postgres:right", "keda:right")

    def look(self):
        """What KEDA is told, and how many documents are due."""
        return [int(number) for number in subprocess.run(
            ["psql", "-X", "-A", "-t", "-F", " ", "-d", self.reader, "-c", "SELECT useful_pipelines, claimable FROM conveyor_scaling_stage"],
            check=True, capture_output=True, text=True).stdout.split()]

    def value(self):
        return self.look()[0]

    def check_rights(self):
        """The role of KEDA sees the view and nothing else."""
        for table in ("index_documents", "conveyor_paces"):
            answer = subprocess.run(["psql", "-X", "-d", self.reader, "-c", f"SELECT 1 FROM {table}"], capture_output=True, text=True, check=False)
            check(f"KEDA's role cannot read {table}", "permission denied" in answer.stderr)

    def have(self, documents):
        """So many documents are due."""
        self.server.psql(f"""
            UPDATE index_documents SET download_status = CASE WHEN number <= {documents} THEN 'pending' ELSE 'skipped' END
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM index_documents) AS numbered
            WHERE numbered.id = index_documents.id""")

    def pace(self, delay, latency):
        self.server.psql(f"""
            INSERT INTO conveyor_paces VALUES ('stage', 'portal:443', {delay}, {latency}, now())
            ON CONFLICT (stage, host) DO UPDATE SET delay = excluded.delay, latency = excluded.latency, noted_at = now()""")


# hour, documents that are due, delay, latency, the pods that are useful
PAPER = [
    (0, 0, 0.5, 0.8, 0),        # nothing to do
    (2, 40, 0.1, 2.0, 1),       # little to do, however much the portal bears
    (4, 5000, 0.5, 0.8, 1),     # much to do, and a portal that one pipeline keeps busy
    (6, 5000, 0.1, 0.8, 2),
    (8, 5000, 0.1, 2.0, 5),
    (10, 150, 0.1, 2.0, 2),     # the end comes near
    (12, 9000, 0.1, 2.0, 5),    # a large import changes nothing beyond that
    (14, 9000, 0.02, 0.8, 8),   # 9 would be useful; the largest number is the manifest's
    (18, 9000, 0.5, 0.8, 1),    # office hours
    (22, 0, 0.5, 0.8, 0),
]


def on_paper(scaled):
    print("hour  due   delay latency  view  pods")
    with Server() as server, Pipeline(10000, index=server.url) as pipeline:
        index, autoscaler = Index(server, pipeline), Autoscaler(scaled)
        index.check_rights()
        for number, (hour, due, delay, latency, useful) in enumerate(PAPER):
            index.have(due)
            index.pace(delay, latency)
            value, most = index.value(), 0
            end = PAPER[number + 1][0] if number + 1 < len(PAPER) else 24
            for now in range(hour * HOUR, end * HOUR, SYNC):
                autoscaler.decide(now, value)
                # What was wished for a quarter of an hour ago still holds, and pods leave one by one.
                most = max(most, autoscaler.pods if now >= hour * HOUR + 5400 else 0)
            print(f"{hour:4}  {due:5} {delay:5} {latency:7} {value:5} {autoscaler.pods:5}")
            check(f"{hour:02}:00: as many pods as are useful", most == autoscaler.pods == useful == min(value, autoscaler.maximum))


def with_a_million():
    """What a look costs. The least of ten, because other work on the machine is not the view's."""
    with Server() as server, Pipeline(1, index=server.url) as pipeline:
        index = Index(server, pipeline)
        server.psql("""
            INSERT INTO index_documents (source, book, page, instrument_type_parsed)
            SELECT 'DuProcess', 238 + n % 3700, 1 + n / 3700, (ARRAY['DEED', 'DEED OF TRUST', 'LIEN'])[1 + n % 3]
            FROM generate_series(1, 1000000) AS n""")
        server.psql("ANALYZE index_documents")
        server.psql(pipeline.run(["enqueue", "scaling", "--stage", ROOT / "stages" / "stage-mid-filtered.yaml"], text=True).stdout)

        def look(name, view, due, most=20):
            plan = f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT useful_pipelines FROM {view}"
            took = min(json.loads(server.psql(plan))[0]["Execution Time"] for _ in range(10))
            claimable = server.psql(f"SELECT claimable FROM {view}")
            check(f"a million rows, {name}: at most {most} ms", took <= most and claimable == str(due), f"{took:.1f} ms, {claimable} counted")

        index.pace(0.5, 0.8)
        look("all due", "conveyor_scaling_stage", 10000)
        check("a million and the usual budget: one", index.value() == 1, index.value())
        index.pace(0.02, 0.8)
        check("a million and forty times the budget: nine", index.value() == 9, index.value())
        look("all due, a third of the stage's 56 types", "conveyor_scaling_stage_mid_filtered", 10000)
        # All have to be read: once a minute, as each claim of such a stage does.
        server.psql("UPDATE index_documents SET instrument_type_parsed = 'LIEN'")
        server.psql("VACUUM ANALYZE index_documents")
        look("all due, and none the stage's", "conveyor_scaling_stage_mid_filtered", 0, most=1000)
        server.psql("UPDATE index_documents SET download_status = 'completed'")
        server.psql("VACUUM ANALYZE index_documents")  # As autovacuum does.
        look("all done", "conveyor_scaling_stage", 0)
        check("a million done: none", index.value() == 0, index.value())


# hour, documents that are imported, delay. The portal takes 0.3 s for an answer.
LATENCY, DOCUMENTS, QUICK, SLOW = 0.3, 1700, 0.025, 0.4
DAY = [(0, 700, QUICK), (6, 0, SLOW), (7, 500, SLOW), (15, 0, QUICK), (19, 500, QUICK)]


class Cluster:
    """Pods that are `conveyor run`."""

    def __init__(self, pipeline):
        self.pipeline, self.pods, self.number = pipeline, [], 0
        self.ends, self.slowest, self.restart_at, self.leaving = Counter(), 0.0, 0.0, []

    def start(self):
        self.number += 1
        state = self.pipeline.own / f"pod{self.number}"
        words = [
            ROOT / "bin" / "conveyor", "run", "--yes", "--stage", self.pipeline.own / "stage.yaml", "--index", self.pipeline.index,
            "--limiter", self.pipeline.index, "--to", self.pipeline.bucket, "--state", state, "--portal-base", self.pipeline.base,
            "--workers", "5", "--lease", "5s", "--engine", "images", "--rate-limit-delay", "0.4"]
        with open(self.pipeline.own / f"pod{self.number}.err", "wb") as log:
            self.pods.append(subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**self.pipeline.environment, "CONVEYOR_BIN": str(TOOLS)}))

    def look(self, wanted):
        """As many pods as are wanted, but that the kubelet waits before it starts one again that has ended."""
        for pod in [pod for pod in self.pods if pod.poll() is not None]:
            self.pods.remove(pod)
            self.ends[pod.returncode] += 1
            self.restart_at = time.monotonic() + 1
        for pod, since in list(self.leaving):
            if pod.poll() is not None:
                self.leaving.remove((pod, since))
                self.ends[pod.returncode] += 1
                self.slowest = max(self.slowest, time.monotonic() - since)
        while len(self.pods) > wanted:
            self.stop(self.pods.pop(0))
        while len(self.pods) < wanted and time.monotonic() >= self.restart_at:
            self.start()

    def stop(self, pod):
        pod.send_signal(signal.SIGTERM)
        self.leaving.append((pod, time.monotonic()))

    def lose_a_node(self):
        """All that a pod is, at once. The driver has its pipeline in a process group of its own, in its session."""
        if not self.pods:
            return False
        pod = self.pods.pop(0)
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
            except OSError:
                continue
            if fields and int(fields[3]) == pod.pid:
                os.kill(int(entry.name), signal.SIGKILL)
        pod.wait()
        self.ends["lost"] += 1
        return True


def with_pods(scaled):
    with Server() as server, Pipeline(DOCUMENTS, index=server.url, portal=["--latency", f"{LATENCY}s"]) as pipeline:
        index, autoscaler, cluster = Index(server, pipeline), Autoscaler(scaled), Cluster(pipeline)
        server.psql("UPDATE index_documents SET download_status = 'skipped'")
        host = pipeline.base.removeprefix("http://").strip("/")
        begun, plan, seen, killed, paused = time.monotonic(), list(DAY), [], False, []
        while True:
            now = (time.monotonic() - begun) * SPEED
            hour = now / HOUR
            while plan and plan[0][0] <= hour:
                _, documents, delay = plan.pop(0)
                pipeline.run(["fetch", "limiter", "set", host, "--delay", delay, "--limiter", pipeline.index, "--state", pipeline.own])
                server.psql(f"""UPDATE index_documents SET download_status = 'pending' WHERE id IN (
                    SELECT id FROM index_documents WHERE download_status = 'skipped' ORDER BY id LIMIT {documents})""")
            if hour > 3.5 and not killed:
                killed = cluster.lose_a_node()
            if hour > 11 and not paused:
                paused.append(index.value())
                pipeline.run(["fetch", "limiter", "pause", host, "--for", "10s", "--limiter", pipeline.index, "--state", pipeline.own])
            value, due = index.look()
            if len(paused) == 1 and hour > 12:
                paused.append(value)
            wanted = autoscaler.decide(now, value)
            cluster.look(wanted)
            seen.append((hour, value, wanted, due))
            if hour >= 24 and value == wanted == len(cluster.pods + cluster.leaving) == 0 or hour > 72:
                break
            time.sleep(SYNC / SPEED)
        report(server, pipeline, seen, cluster, paused)


def report(server, pipeline, seen, cluster, paused):
    print("hour   due  view  pods")
    for number in range(0, math.ceil(seen[-1][0])):
        some = [line for line in seen if number <= line[0] < number + 1]
        if some:
            print(f"{number:4} {max(line[3] for line in some):5} {max(line[1] for line in some):5} {max(line[2] for line in some):5}")
    pods = lambda begin, end: [line[2] for line in seen if begin <= line[0] < end]
    due = lambda begin, end: [line[3] for line in seen if begin <= line[0] < end]
    states = dict(line.split("|") for line in server.psql(
        "SELECT download_status, count(*) FROM index_documents GROUP BY 1").splitlines())
    check("by night more than one pod", max(pods(1, 6)) >= 2, max(pods(1, 6)))
    check("in office hours one, though more waits than by evening", set(pods(9, 15)) == {1} and min(due(9, 15)) > 300,
          f"{Counter(pods(9, 15))}, {min(due(9, 15))} due or more")
    check("by evening more again", max(pods(16, 22)) >= 2, max(pods(16, 22)))
    check("a pause changes nothing", len(set(paused)) == 1, paused)
    check("in the end none", seen[-1][2] == 0, f"{seen[-1][0]:.1f} h")
    check("nothing is lost", states == {"completed": str(DOCUMENTS)}, states)
    held = server.psql("SELECT count(*) FROM index_documents WHERE download_status = 'in_progress'")
    check("no lease is left", held == "0", held)
    objects = sum(1 for path in pipeline.bucket.rglob("*.pdf"))
    check("each document is in the bucket", objects == DOCUMENTS, objects)
    check("what was lost with a node was fetched again, and no more", oracle.refetched(pipeline.log) <= 10, oracle.refetched(pipeline.log))
    starts = sorted(line["start"] / 1e9 for line in oracle.requests(pipeline.log))
    # As the portal sees them, which shares the processors with all else (Torture/politeness.py).
    tens = sorted(after - before for before, after in zip(starts, starts[9:]))
    hurried = sum(ten < 9 * QUICK - LATE for ten in tens)
    check("no ten requests were closer than nine delays", hurried <= len(tens) / 100, f"the closest in {tens[0] * 1000:.0f} of {9 * QUICK * 1000:.0f} ms")
    # One that is stopped before its run has begun holds nothing yet, and ends by the signal itself.
    check("pods ended as they should", set(cluster.ends) <= {0, 130, -signal.SIGTERM, "lost"}, dict(cluster.ends))
    check("SIGTERM took ten seconds at most", cluster.slowest <= 10, f"{cluster.slowest:.1f} s")
    print(f"{cluster.number} pods were started; they ended with {dict(cluster.ends)}")


def main():
    scaled = next(item for item in rendered("overlays/keda") if item["kind"] == "ScaledObject")
    check_formula(scaled)
    on_paper(scaled)
    with_a_million()
    if "--table" not in sys.argv:
        with_pods(scaled)
    print(f"{len(failures)} failed: {failures}" if failures else "all as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
