#!/usr/bin/env python3
"""The built tools against real stores that speak S3: Ceph and OpenStack Swift, bare and behind nginx.

    stores.py            all of them
    stores.py ceph       only this one

For each, 300 documents with odd names: put, skip, conflict, overwrite, uploads in parts, reconcile and repair;
the official client (boto3) does what is done behind the tools' back, and reads all back in the end. The tools are
taken from .build/debug, or from CONVEYOR_BIN. Ends with 1 where something was not as it should be.

Needs: `scripts/install-dependencies stores`, and `make test-servers` for boto3.
"""

import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "debug"))
SERVER = Path(__file__).resolve().with_name("server")
COUNT = 300
PLACE = "a&b + %ü\"'"
LARGE = 20_000_000


class Wrong(Exception):
    """Something was not as it should be."""


def expect(condition, words):
    if not condition:
        raise Wrong(str(words))


def free_ports():
    """The first of ten that nobody has."""
    while True:
        first = random.randrange(20_000, 32_000)
        probes = []
        try:
            for port in range(first, first + 10):
                probes.append(socket.socket())
                probes[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()


class Server:
    def __init__(self, kind, folder, *more):
        self.folder, self.port = folder, free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        # What it leaves running holds no end of a pipe of ours.
        subprocess.run(
            [SERVER, "start", kind, folder, str(self.port), *more], check=True, stdin=subprocess.DEVNULL)

    def stop(self):
        subprocess.run([SERVER, "stop", self.folder], check=False)


class Trial:
    """One bucket of one store, its documents, and an index of them."""

    def __init__(self, work, url, bucket, large_url, knows_preconditions):
        self.work, self.url, self.bucket, self.large_url = work, url, bucket, large_url
        self.options = [] if knows_preconditions else ["--preconditions", "off"]
        self.knows_preconditions = knows_preconditions
        self.to = f"s3://{bucket}/{PLACE}"
        self.index = work / "index.db"
        self.files = work / "files"
        self.files.mkdir(parents=True)
        for number in range(1, COUNT + 1):
            self.write(number, os.urandom(random.randrange(1_000, 60_000)))
        self.client = boto3.client(
            "s3", endpoint_url=large_url, region_name="us-east-1", aws_access_key_id="test:tester",
            aws_secret_access_key="testing")

    def write(self, number, content):
        (self.files / f"{number}.pdf").write_bytes(content)

    def path(self, number):
        return self.files / f"{number}.pdf"

    def name(self, number):
        return f"{PLACE}/{number} & + % ü \".pdf"

    def run(self, tool, *arguments, records=None, expected=0, url=None):
        lines = None if records is None else "".join(json.dumps(record) + "\n" for record in records)
        end = subprocess.run(
            [TOOLS / tool, *map(str, arguments)], input=lines, capture_output=True, text=True, cwd=self.work,
            env={**os.environ, **self.environment(url)}, timeout=300)
        expect(end.returncode == expected,
               f"{tool} {arguments} ended with {end.returncode}, not {expected}: {end.stdout[:500]}{end.stderr}")
        return end

    def environment(self, url=None):
        return {"AWS_ENDPOINT_URL_S3": url or self.url, "AWS_ACCESS_KEY_ID": "test:tester",
                "AWS_SECRET_ACCESS_KEY": "testing", "HOME": str(self.work)}

    def upload(self, numbers, *more, expected=0, url=None):
        """Uploads documents, and returns their records."""
        records = [{"id": str(number), "path": str(self.path(number))} for number in numbers]
        end = self.run("upload", "--to", self.to, "--key-template", self.key, *self.options, *more,
                       records=records, expected=expected, url=url)
        return [json.loads(line) for line in end.stdout.splitlines()]

    key = "{id} & + % ü \".pdf"

    def pipeline(self, *more):
        """Claims, sends, checks and settles what is pending, each tool as in a run."""
        def command(tool, *arguments):
            return [TOOLS / tool, *map(str, arguments)]

        plugin = ("import sys, json\nfor line in sys.stdin:\n  record = json.loads(line)\n"
                  f"  record['path'] = {str(self.files)!r} + '/' + record['id'] + '.pdf'\n"
                  "  print(json.dumps(record), flush=True)\n")
        stages = [
            command("enqueue", "--index", self.index, "--no-wait"),
            [sys.executable, "-c", plugin],
            command("upload", "--to", self.to, "--key-template", self.key, *self.options, *more),
            command("validate", "--settle", "--index", self.index, "--no-records", "--progress", "never"),
        ]
        before, started, errors = subprocess.DEVNULL, [], tempfile.TemporaryFile("w+")
        for stage in stages:
            process = subprocess.Popen(stage, stdin=before, stdout=subprocess.PIPE, stderr=errors, cwd=self.work,
                                       env={**os.environ, **self.environment()})
            if before != subprocess.DEVNULL:
                before.close()
            before = process.stdout
            started.append(process)
        before.read()
        codes = [process.wait(300) for process in started]
        errors.seek(0)
        expect(codes == [0, 0, 0, 0], f"the pipeline ended with {codes}: {errors.read()}")
        expect(self.completed() == COUNT, f"{self.completed()} of {COUNT} are completed")

    def completed(self):
        end = subprocess.run(
            ["sqlite3", self.index, "SELECT count(*) FROM index_documents WHERE download_status = 'completed'"],
            check=True, capture_output=True, text=True)
        return int(end.stdout)

    def reconcile(self, *more, expected=0):
        end = self.run("validate", "reconcile", "--index", self.index, "--to", self.to, *more, expected=expected)
        return [json.loads(line) for line in end.stdout.splitlines()]

    def everything(self):
        """Yields what was done, step by step."""
        yield from self.creation()
        rows = "source,book,page\n" + "".join(f"deeds,{number},1\n" for number in range(1, COUNT + 1))
        (self.work / "index.csv").write_text(rows)
        self.run("enqueue", "import", "index.csv", "--index", self.index)
        self.pipeline()
        yield f"put {COUNT}"
        records = self.upload(range(1, COUNT + 1))
        expect(all(record["upload"]["skipped"] for record in records), "not all were skipped")
        yield f"skipped {COUNT}"
        yield from self.changed()
        yield from self.behind_our_back()
        yield from self.in_parts()
        self.read_back(range(1, COUNT + 1))
        yield f"{COUNT + 2} read back by the official client"

    def creation(self):
        if not self.knows_preconditions:
            options, self.options = self.options, []
            self.client.create_bucket(Bucket=self.bucket)
            end = self.run("upload", "--to", self.to, "--key-template", self.key,
                           records=[{"id": "1", "path": str(self.path(1))}], expected=69)
            expect("--preconditions off" in end.stderr, end.stderr)
            error = json.loads(end.stdout)["error"]
            expect(error["counts"] is False and error["retryable"] is True, error)
            self.options = options
            yield "without --preconditions off: 69, no document pays"
        check = self.run("upload", "check", "--to", self.to, "--create-bucket", *self.options)
        expect("the access key test:tester (AWS_ACCESS_KEY_ID)" in check.stderr, check.stderr)
        for line in check.stderr.splitlines():
            yield f"check: {line}"

    def changed(self):
        """Ten files have other content than their objects."""
        ten = random.sample(range(1, COUNT + 1), 10)
        kept = {number: self.path(number).read_bytes() for number in ten}
        for number in ten:
            self.write(number, b"other" + kept[number][5:])
        records = self.upload(range(1, COUNT + 1), expected=3)
        conflicts = {record["id"] for record in records if "error" in record}
        expect(conflicts == {str(number) for number in ten}, conflicts)
        expect(all(record["error"]["class"] == "store_conflict" for record in records if "error" in record), records)
        yield "10 conflicts, untouched"
        self.upload(range(1, COUNT + 1), "--overwrite")
        self.read_back(ten)
        yield "10 overwritten"
        # The index knows what was there before.
        found = self.reconcile(expected=3)
        expect(sorted(line["class"] for line in found) == ["wrong_checksum"] * 10, found)
        for number, content in kept.items():
            self.write(number, content)
        self.upload(ten, "--overwrite")
        expect(self.reconcile("--read-data", "100%") == [], "differences are left")
        yield "reconciled: 10 differences named, 0 left"

    def behind_our_back(self):
        """Five objects are removed and five replaced by others of the same size."""
        ten = random.sample(range(1, COUNT + 1), 10)
        for number in ten[:5]:
            self.client.delete_object(Bucket=self.bucket, Key=self.name(number))
        for number in ten[5:]:
            content = bytearray(self.path(number).read_bytes())
            content[0] ^= 255
            self.client.put_object(Bucket=self.bucket, Key=self.name(number), Body=bytes(content))
        found = self.reconcile("--repair", expected=3)
        classes = sorted(line["class"] for line in found)
        expect(classes == ["missing"] * 5 + ["wrong_checksum"] * 5, found)
        expect(self.completed() == COUNT - 10, "not ten were set back")
        self.pipeline("--overwrite")
        expect(self.reconcile() == [], "differences are left")
        yield "repaired: 5 missing, 5 replaced; 0 left"

    def in_parts(self):
        """Two files of 20 MB, put, skipped, in conflict, replaced, and checked."""
        two, url = [COUNT + 1, COUNT + 2], self.large_url
        for number in two:
            self.write(number, os.urandom(LARGE))
        for wanted in (False, True):
            records = self.upload(two, url=url)
            expect(all(record["upload"]["skipped"] is wanted for record in records), records)
            self.run("validate", "--progress", "never", records=records, url=url)
        for number in two:
            self.write(number, os.urandom(LARGE))
        records = self.upload(two, expected=3, url=url)
        expect(all(record["error"]["class"] == "store_conflict" for record in records), records)
        records = self.upload(two, "--overwrite", url=url)
        self.run("validate", "--progress", "never", "--read-data", "100%", records=records, url=url)
        self.read_back(two)
        yield "2 of 20 MB in parts: put, skipped, in conflict, overwritten"
        if url != self.url:
            self.too_large_for_the_proxy()
            yield "3 MB through nginx's limit of 1 MB: that document's, with the reason"

    def too_large_for_the_proxy(self):
        self.write(COUNT + 3, os.urandom(3_000_000))
        records = self.upload([1, 2, COUNT + 3, 3, 4], expected=3)
        errors = {record["id"]: record["error"] for record in records if "error" in record}
        expect(list(errors) == [str(COUNT + 3)], errors)
        error = errors[str(COUNT + 3)]
        expect(error["class"] == "store_rejected" and "client_max_body_size" in error["message"], error)

    def read_back(self, numbers):
        for number in numbers:
            answer = self.client.get_object(Bucket=self.bucket, Key=self.name(number))
            found = hashlib.sha256(answer["Body"].read()).hexdigest()
            expected = hashlib.sha256(self.path(number).read_bytes()).hexdigest()
            expect(found == expected, f"{number} has other content")
            expect(answer["Metadata"].get("sha256") in (expected, None), answer["Metadata"])


def attempt(title, trial):
    began = time.monotonic()
    print(f"== {title}", flush=True)
    try:
        for line in trial.everything():
            print(f"  {line}", flush=True)
    except Wrong as wrong:
        print(f"  WRONG: {wrong}", flush=True)
        return False
    print(f"  {time.monotonic() - began:.0f} s", flush=True)
    return True


def main():
    wanted = sys.argv[1:] or ["ceph", "swift"]
    work = Path(tempfile.mkdtemp(prefix="conveyor-stores-"))
    good = True
    for name in wanted:
        servers = []
        try:
            servers.append(Server(name, work / name))
            url = servers[0].url
            servers.append(Server("nginx", work / f"{name}-nginx", url))
            proxy = servers[1].url
            knows = name != "swift"
            good &= attempt(name, Trial(work / f"{name}-1", url, "bare-bucket", url, knows))
            unlimited = f"http://127.0.0.1:{servers[1].port + 1}"
            good &= attempt(f"{name} behind nginx", Trial(work / f"{name}-2", proxy, "proxied-bucket", unlimited, knows))
        finally:
            for server in servers:
                server.stop()
    if good:
        shutil.rmtree(work, ignore_errors=True)
    else:
        print(f"logs are in {work}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
