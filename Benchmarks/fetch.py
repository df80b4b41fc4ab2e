#!/usr/bin/env python3
"""fetch against curl --parallel, wget2, aria2c, a shell composite and a Python pool, on one machine.

Everything on loopback, output on tmpfs, delay 0; ours hashes, checks and remembers each document, the
peers only store it (the composite and the pool do the same as ours).
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import TOOLS, emptied, measure, need, rounds, scratch, table

HERE = Path(__file__).resolve().parent


def make_files(directory, count, size):
    directory.mkdir(parents=True)
    for number in range(count):
        body = os.urandom(size - 40)
        (directory / f"{number}.pdf").write_bytes(b"%PDF-1.4\n" + body + b"\n%%EOF\n")


def start_nginx(work):
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
  server {{ listen 127.0.0.1:18080 backlog=4096; root {work}/www; }}
  server {{ listen 127.0.0.1:18443 ssl backlog=4096; root {work}/www;
           ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem; }}
}}
""")
    server = subprocess.Popen(
        ["nginx", "-c", work / "nginx.conf", "-e", work / "error.log"], stdout=subprocess.DEVNULL)
    for _ in range(100):
        if subprocess.run(["curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:18080/small/0.pdf"]).returncode == 0:
            return server
        time.sleep(0.05)
    server.terminate()
    sys.exit(f"nginx did not start: {(work / 'error.log').read_text()[-500:]}")


class Job:
    """One set of URLs, and how each contender fetches it."""

    def __init__(self, work, base, count, workers, out):
        self.work, self.count, self.workers, self.out = work, count, workers, out
        urls = [f"{base}/{number}.pdf" for number in range(count)]
        self.plain = work / "urls.txt"
        self.plain.write_text("".join(url + "\n" for url in urls))
        self.records = work / "records.jsonl"
        self.records.write_text(
            "".join(f'{{"id":"{number}","url":"{url}"}}\n' for number, url in enumerate(urls)))
        self.curl_config = work / "curl.txt"
        self.curl_config.write_text(
            "".join(f'url = "{url}"\noutput = "{out}/{number}.pdf"\n' for number, url in enumerate(urls)))
        self.ca = work / "cert.pem"

    def ours(self):
        emptied(self.out)
        return measure(
            [TOOLS / "fetch", "--workers", self.workers, "--state", self.out / "state",
             "--rate-limit-delay", "0", "--cacert", self.ca],
            stdin=self.records, stdout=self.out / "records.jsonl")

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
        return measure([sys.executable, HERE / "peers" / "pool.py", self.plain, self.out, self.workers])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[5, 16, 64])
    parser.add_argument("--only", choices=["http", "https", "large", "latency"], nargs="+",
                        default=["http", "https", "large", "latency"])
    options = parser.parse_args()
    need("nginx", "curl", "wget2", "aria2c", "sqlite3", "openssl")
    work = scratch()
    make_files(work / "www" / "small", 5000, 30_000)
    make_files(work / "www" / "large", 500, 500_000)
    nginx = start_nginx(work)
    out = work / "out"
    try:
        if "http" in options.only:
            for workers in options.workers:
                compare(Job(work, "http://127.0.0.1:18080/small", 5000, workers, out),
                        f"5,000 × 30 KB over http, {workers} at a time", options.runs, workers < 64)
        if "https" in options.only:
            compare(Job(work, "https://localhost:18443/small", 5000, 16, out),
                    "5,000 × 30 KB over https, 16 at a time", options.runs, False)
        if "large" in options.only:
            compare(Job(work, "http://127.0.0.1:18080/large", 500, 16, out),
                    "500 × 500 KB over http, 16 at a time", options.runs, False)
        if "latency" in options.only:
            latency(work, out)
    finally:
        nginx.send_signal(signal.SIGQUIT)
        nginx.wait()
        subprocess.run(["rm", "-rf", work])


def compare(job, title, runs, with_pool):
    contenders = {"fetch (ours)": job.ours, "curl --parallel": job.curl, "wget2": job.wget2,
                  "aria2c": job.aria2, "curl + sha256sum + sqlite": job.composite}
    if with_pool:
        contenders["Python pool"] = job.pool
    table(title, rounds(contenders, runs), job.count, "fetch (ours)")


def latency(work, out):
    """Share of what N workers can reach when each answer takes 200 ms."""
    port_file = work / "port"
    portal = subprocess.Popen(
        [TOOLS / "portal", "--port-file", port_file, "--latency", "0.2", "--document-size", "30000",
         "--documents", "100000"])
    while not port_file.exists():
        time.sleep(0.02)
    base = port_file.read_text().strip() + "/documents"
    try:
        print("\n200 ms before each answer: share of N ÷ latency")
        for workers in (16, 64, 256):
            count = workers * 40
            job = Job(work, base, count + 1, workers, out)
            for path in (job.plain, job.records):
                text = path.read_text().split("\n", 1)[1]
                path.write_text(text)
            lines = job.curl_config.read_text().split("\n", 2)[2]
            job.curl_config.write_text(lines)
            for name, run in (("fetch (ours)", job.ours), ("curl --parallel", job.curl), ("wget2", job.wget2)):
                share = count / run().wall / (workers / 0.2)
                print(f"  {name:26}N = {workers:<5}{share:7.1%}", flush=True)
    finally:
        portal.terminate()
        portal.wait()


if __name__ == "__main__":
    main()
