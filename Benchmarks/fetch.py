#!/usr/bin/env python3
"""fetch against curl --parallel, wget2, aria2c, a shell composite and a Python pool, on one machine.

Everything on loopback, output on tmpfs, delay 0. Ours hashes, checks and remembers each document; curl, wget2
and aria2c only store it; the composite and the pool do the same as ours. Contenders take turns, so that a busy
machine is busy for all of them; beneath each table stand the targets, and whether this run met them.

    Benchmarks/fetch.py                                  # all parts
    Benchmarks/fetch.py --only small https --workers 5 16 --runs 5
    Benchmarks/fetch.py --only latency                   # 200 ms before each answer
    Benchmarks/fetch.py --only done                      # lines for documents that are there already
    Benchmarks/fetch.py --only million                   # memory over 1,000,000 lines, opening such a checkpoint
    Benchmarks/fetch.py --only users                     # sequential against 5 and 10 workers, 1 s a document

Needs what `make bench` installs.
https is spoken with a certificate made for the run, named with --cacert.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import (TOOLS, Portal, emptied, free_port, measure, median, need, rounds, scratch, table,
                     target)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests" / "Torture"))
from smallpdf import pdf  # noqa: E402


def make_files(directory, count, size):
    directory.mkdir(parents=True)
    for number in range(count):
        (directory / f"{number}.pdf").write_bytes(pdf(os.urandom(size - 500)))


class Nginx:
    """Serves `work`/www on free ports of loopback, by http and by https."""

    def __init__(self, work):
        http, https = free_port(), free_port()
        self.http, self.https = f"http://127.0.0.1:{http}", f"https://localhost:{https}"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", work / "key.pem", "-out", work / "cert.pem"],
            check=True, capture_output=True)
        (work / "nginx.conf").write_text(f"""
{"user root;" if os.getuid() == 0 else ""} worker_processes 2; daemon off; pid {work}/nginx.pid; error_log {work}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{ listen 127.0.0.1:{http} backlog=4096; root {work}/www; }}
  server {{ listen 127.0.0.1:{https} ssl backlog=4096; root {work}/www;
           ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem; }}
}}
""")
        self.process = subprocess.Popen(
            ["nginx", "-c", work / "nginx.conf", "-e", work / "error.log"], stdout=subprocess.DEVNULL)
        while subprocess.run(["curl", "-sf", "-o", "/dev/null", f"{self.http}/small/0.pdf"]).returncode != 0:
            if self.process.poll() is not None:
                sys.exit(f"nginx did not start: {(work / 'error.log').read_text()[-500:]}")
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


class Job:
    """One set of URLs, and how each contender fetches it."""

    def __init__(self, work, base, count, workers, out, first=0):
        self.work, self.count, self.workers, self.out = work, count, workers, out
        urls = [f"{base}/{number}.pdf" for number in range(first, first + count)]
        self.plain = work / "urls.txt"
        self.plain.write_text("".join(url + "\n" for url in urls))
        self.records = work / "records.jsonl"
        self.records.write_text(
            "".join(f'{{"id":"{number}","url":"{url}"}}\n' for number, url in enumerate(urls)))
        self.curl_config = work / "curl.txt"
        self.curl_config.write_text(
            "".join(f'url = "{url}"\noutput = "{out}/{number}.pdf"\n' for number, url in enumerate(urls)))
        self.ca = work / "cert.pem"

    def ours(self, delay=0):
        emptied(self.out)
        return self.again(self.records, self.workers, delay)

    def again(self, records, workers, delay=0):
        return measure(
            [TOOLS / "fetch", "--workers", workers, "--state", self.out / "state",
             "--rate-limit-delay", delay, "--cacert", self.ca],
            stdin=records, stdout=self.out / "records.jsonl")

    def curl(self):
        emptied(self.out)
        return measure(self.curl_command())

    def curl_command(self):
        return ["curl", "-s", "--parallel", "--parallel-immediate", "--parallel-max", str(self.workers),
                "--cacert", str(self.ca), "-K", str(self.curl_config)]

    def wget2(self):
        emptied(self.out)
        return measure(
            ["wget2", "-q", f"--max-threads={self.workers}", f"--ca-certificate={self.ca}", "-P", self.out,
             "-i", self.plain])

    def aria2(self):
        emptied(self.out)
        return measure(
            ["aria2c", "-q", "-j", self.workers, "-x", "1", "-d", self.out, "-i", self.plain,
             f"--ca-certificate={self.ca}", "--file-allocation=none", "--console-log-level=error"])

    def composite(self):
        emptied(self.out)
        curl = " ".join(f"'{part}'" for part in self.curl_command())
        return measure(
            f"{curl} && cd '{self.out}' && ls | grep pdf$ | xargs -P2 -n 500 sha256sum > sums"
            " && tr -s ' ' '|' < sums > rows && sqlite3 c.sqlite"
            " 'create table d(sha text, id text primary key)' '.import rows d'")

    def pool(self):
        emptied(self.out)
        return measure([sys.executable, HERE / "peers" / "pool.py", self.plain, self.out, self.workers],
                       env=os.environ | {"REQUESTS_CA_BUNDLE": str(self.ca)})


PARTS = ("small", "large", "https", "latency", "done", "million", "users")
OURS, CURL, COMPOSITE, POOL = "fetch (ours)", "curl --parallel", "curl + sha256sum + sqlite", "Python pool"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="parts to run (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="rounds; medians count (default: 3)")
    parser.add_argument("--workers", type=int, nargs="+", default=[5, 16, 64], help="(default: 5 16 64)")
    parser.add_argument("--documents", type=int, default=5000, help="files of 30 KB (default: 5000)")
    options = parser.parse_args()
    need("nginx", "curl", "wget2", "aria2c", "sqlite3", "openssl")
    work = scratch()
    nginx = None
    try:
        if set(options.only) & {"small", "large", "https", "done", "million"}:
            make_files(work / "www" / "small", options.documents, 30_000)
            make_files(work / "www" / "large", options.documents // 10, 500_000)
            nginx = Nginx(work)
        for part in PARTS:
            if part in options.only:
                globals()[part](work, options, nginx)
    finally:
        if nginx:
            nginx.stop()
        subprocess.run(["rm", "-rf", work])


def small(work, options, nginx):
    for workers in options.workers:
        compare(Job(work, f"{nginx.http}/small", options.documents, workers, work / "out"),
                f"{options.documents:,} × 30 KB over http, {workers} at a time", options.runs)


def large(work, options, nginx):
    compare(Job(work, f"{nginx.http}/large", options.documents // 10, 16, work / "out"),
            f"{options.documents // 10:,} × 500 KB over http, 16 at a time", options.runs, most_cpu=None, of_curl=0.9)


def https(work, options, nginx):
    for workers in options.workers:
        compare(Job(work, f"{nginx.https}/small", options.documents, workers, work / "out"),
                f"{options.documents:,} × 30 KB over https, {workers} at a time", options.runs)


def compare(job, title, runs, most_cpu=0.13, of_curl=0.85):
    contenders = {OURS: job.ours, CURL: job.curl, "wget2": job.wget2, "aria2c": job.aria2,
                  COMPOSITE: job.composite, POOL: job.pool}
    results = rounds(contenders, runs)
    least = {CURL: of_curl, "wget2": 1, "aria2c": 1, COMPOSITE: 1.5, POOL: 12}
    table(title, results, job.count, OURS, least, most_cpu)
    if job.workers == 5:
        target(f"{title}: resident MiB", median(results[OURS], "memory"), most=60, form="{:.0f}")


def done(work, options, nginx):
    """Lines for documents that the checkpoint knows and the spool has: each file is looked at (lstat)."""
    job = Job(work, f"{nginx.http}/small", options.documents, 5, work / "out")
    job.ours()
    lines = work / "lines.jsonl"
    lines.write_text(job.records.read_text() * 10)
    print(f"\n{options.documents * 10:,} lines for documents of 30 KB that are there")
    for workers in options.workers:
        samples = rounds({OURS: lambda: job.again(lines, workers)}, options.runs)[OURS]
        target(f"lines per second, {workers} at a time",
               options.documents * 10 / median(samples, "wall"), least=60_000, form="{:,.0f}")


def million(work, options, nginx):
    """Memory that does not grow with the lines, and a checkpoint that opens at once however much it knows."""
    job = Job(work, f"{nginx.http}/small", options.documents, 5, work / "out")
    job.ours()
    lines = work / "lines.jsonl"
    print("\n1,000,000 lines for documents that are there, and 1,000,000 documents in the checkpoint")
    for count in (100_000, 1_000_000):
        with open(lines, "w") as file:
            for _ in range(count // options.documents):
                file.write(job.records.read_text())
        target(f"resident MiB after {count:,} lines, 5 at a time", job.again(lines, 5).memory, most=60, form="{:.0f}")
    lines.unlink()
    empty = work / "empty.jsonl"
    empty.touch()
    before = median([job.again(empty, 5) for _ in range(options.runs)], "wall")
    checkpoint = work / "out" / "state" / "checkpoint.sqlite"
    # As the county's documents are remembered.
    subprocess.run(["sqlite3", checkpoint, """
        INSERT INTO entries (id, request, url, http_status, etag, last_modified, bytes, sha256, images, portal, actual_book,
          actual_page, at, seconds, stamp, pages, encrypted, attempts)
        SELECT 1000000 + n.value,
          'mid: court-house-search/drupal-deed-record-lookup.php?instrument=' || (500000 + n.value)
            || '&do_search=Submit%20Query',
          'https://records.example.org/elected-offices/chancery-clerk/court-house-search/pdf-records.php?image=/deed/'
            || printf('%04d/%04d-%04d.pdf', n.value / 700, n.value / 700, n.value % 700),
          200, '"' || lower(hex(randomblob(8))) || '"', 1552399506 + n.value, 30000 + n.value % 5000, randomblob(32), 1, 'mid',
          n.value / 700, n.value % 700, 1795545035123 + 500 * n.value, 0.1 + n.value / 1e7,
          lower(substr(hex(randomblob(7)), 1, 13)), 3, 0, 1
        FROM generate_series(1, 1000000) AS n"""], check=True)
    target("MB of the checkpoint with it", checkpoint.stat().st_size / 1e6, most=420, form="{:.0f}")
    after = [job.again(empty, 5) for _ in range(options.runs)]
    target("more seconds to open it than one of 5,000", median(after, "wall") - before, most=0.5)
    print(f"          resident MiB with it: {median(after, 'memory'):.0f}", flush=True)


PORTAL = ["--document-size", 30000, "--documents", 100000]


def latency(work, options, _):
    """Share of what N workers can reach when each answer takes 200 ms.

    Long enough that the start counts as it does in a night: of 40 documents a worker, robots.txt alone, whose
    answer takes 200 ms too and which no other contender asks for, would be 2.4 %. One round: 40 s are an average.
    """
    print("\n200 ms before each answer, 200 documents a worker: share of N ÷ latency")
    with Portal(work, "--latency", 0.2, *PORTAL) as portal:
        for workers, least in ((16, 0.98), (64, 0.98), (256, 0.97)):
            job = Job(work, f"{portal.url}/documents", workers * 200, workers, work / "out", first=1)
            contenders = {OURS: job.ours, CURL: job.curl, "wget2": job.wget2}
            for name, samples in rounds(contenders, 1).items():
                share = job.count / samples[0].wall / (workers / 0.2)
                if name == OURS:
                    target(f"200 ms, {workers} at a time: of N ÷ latency", share, least=least, form="{:.1%}")
                else:
                    print(f"          {name}: {share:.1%}", flush=True)


def users(work, options, _):
    """What users see: a portal that takes a second, asked ten times a second at most."""
    print("\n1 s before each answer, delay 0.1 s: documents per hour")
    rates = {}
    with Portal(work, "--latency", 1, *PORTAL) as portal:
        for workers in (1, 5, 10):
            job = Job(work, f"{portal.url}/documents", workers * 20, workers, work / "out", first=1)
            rates[workers] = job.count / job.ours(delay=0.1).wall * 3600
            print(f"  {'sequential' if workers == 1 else f'{workers} workers':14}{rates[workers]:9,.0f}"
                  f"{rates[workers] / rates[1]:8.1f} ×", flush=True)


if __name__ == "__main__":
    main()
