#!/usr/bin/env python3
"""Runs every command line of README.md and docs/*.md, and holds what the pages name against what there is.

    docs.py                 all pages
    docs.py tutorial.md …   these alone
    docs.py --verbose       prints each command and what it said

Each page has a folder, a home and a shell of its own; what its names stand for is the table NAMES, and what it needs
the table PAGES. Nothing outside of this machine is asked. pages.py says how a page marks what cannot be run, and what
a block is for. Ends with 1 where something is wrong. The tools are taken from .build/debug, or from CONVEYOR_BIN.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from options import Options
from pages import ROOT, RUN, Block, blocks, code, syntax_error
from servers import Portal, Postgres, Receiver, Redis, Store, answers, free_port, users_table_in_sqlite

TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "debug"))
PROGRAMS = ("enqueue", "fetch", "optimize", "upload", "validate", "queue", "dashboard", "notify", "portal")
SMALL = ("--document-size", "3000")  # Of the portal that pages share: documents that cost no drawing.
SECONDS = 120  # After which a command is said to hang: one alone takes a few, on a machine that has other work.

# What the names of the pages stand for here, in this order.
NAMES = [
    (r"\./download_", "download_"),
    (r"bin/conveyor", "conveyor"),
    (r"/srv/", "{work}/"),
    (r"https://example\.org/a\.pdf", "{portal}/documents/1.pdf"), (r"\bPORTAL\b", "{portal}"),
    (r"https://(example\.org|hc-ping\.com)/[\w-]+", "{receiver}/hook"),
    (r"127\.0\.0\.1:8080", "127.0.0.1:{port}"),
    (r"127\.0\.0\.1:8800", "127.0.0.1:{free}"),
    (r"postgres://me@db/\w+", "postgres://postgres@127.0.0.1:{postgres}/{page}"),
    (r"PGPASSWORD=…", "PGPASSWORD=right"),
    (r"(gs|s3)://county-records", r"\1://{page}"),
    (r"rediss?://(\w+@)?(?:127\.0\.0\.1|head)(?:\.example\.org:6380)?/0", r"redis://\g<1>127.0.0.1:{redis}/{number}"),
    (r"conveyor demo", "conveyor demo --documents 30 --delay 0.002"),
    (r"--limit 200\b", "--limit 10"),
    # A document that the sample has, and another one.
    (r"\b184223\b", "8"), (r"\b184224\b", "17"), (r"\b285/55\b", "249/573"), (r"\bportal\.example\.org\b", "localhost:{port}"),
]
# What goes on until it is stopped: it is stopped at the end of its block, or when its address is needed again.
ENDLESS = re.compile(r"^(conveyor )?(dashboard|work|portal --(?!print)|queue take)|--fleet|tail -f|--watch|[^&]&\s*(#.*)?$")
# What goes on in the background, and comes to its end.
ENDS = re.compile(r"conveyor run")


class Page:
    """What a page needs: its index (PostgreSQL's, or a file), whether it starts the
    sample portal itself, and what is done before."""

    def __init__(self, *, index="sqlite", own_portal=False, before="", names=(), skips="(?!)"):
        self.index, self.own_portal, self.before = index, own_portal, before
        self.names, self.skips = list(names), re.compile(skips)


# A run before: what a page about results looks at.
DONE = "conveyor run --stage stage-0-test --index sqlite:index.db --to bucket --state state --yes >/dev/null 2>&1"
FILES = ("portal --print-index jsonl | head -4 | jq -c '{id: (.gin|tostring), url: \"PORTAL/documents/\\(.gin - 500000).pdf\"}' >documents.jsonl; "
         "for file in a b; do curl -sS -o $file.pdf PORTAL/documents/1.pdf; done; ls *.pdf >names.txt; "
         "mkdir pdf; cp a.pdf pdf")
# What scripts left in the users' table: documents that are done, that failed, and that a killed run was working on.
LEFT = """ "UPDATE index_documents SET download_status = 'completed', downloaded_at = '2026-11-20 10:00', gcs_path =
  'gs://county-records/documents/mid-early/deed/' || book || '-' || page || '.pdf' WHERE id <= 5;
  UPDATE index_documents SET download_status = 'failed', download_attempts = 5, download_error = 'timed out' WHERE id = 6;
  UPDATE index_documents SET download_status = 'in_progress', updated_at = '2026-11-20 10:00' WHERE id = 7" """
USERS = "enqueue migrate --index postgres: && enqueue import deeds.csv --index postgres:"
PAGES = {
    "README.md": Page(),
    "docs/fleet.md": Page(before=USERS + "; for user in head worker; do printf CHANGE-$user >~/redis-$user; done; "
                          "touch ~/redis-ca.pem; chmod 600 ~/redis*"),
    "docs/how-to.md": Page(own_portal=True, before=USERS),
    # The host that is steered is not the one that the runs ask: they would wait for its hours.
    "docs/operating.md": Page(before=USERS + "; printf '{\"id\":\"1\",\"url\":\"http://portal.example.org/documents/1.pdf\"}' | fetch"),
    "docs/optimize.md": Page(before=FILES),
    "docs/portal.md": Page(own_portal=True, before=FILES),
    "docs/portals.md": Page(own_portal=True),
    "docs/tutorial.md": Page(index="none", own_portal=True),
    "docs/migration.md": [
        Page(index="none", before=f"psql -q -c {LEFT}", skips="sqlite3"),
        Page(index="users", before=f"sqlite3 index.db {LEFT}", skips="psql", names=[(r"\bpostgres:", "sqlite:index.db")])],
    "docs/upload.md": Page(before=FILES),
    "docs/validate.md": Page(before=f"{FILES}; {USERS}; {DONE}"),
}


class World:
    """A page's folder, with what stands around it."""

    def __init__(self, path, number, page, servers, work):
        self.page, self.work = page, work
        home = work / "home"
        home.mkdir(parents=True)
        for name in ("stages", "portals", "examples"):
            shutil.copytree(ROOT / name, work / name)
        for name in ("sql", "deploy", "docs"):
            (work / name).symlink_to(ROOT / name)
        (work / "deeds.csv").write_bytes(rows(*([] if page.own_portal else SMALL)))
        name = f"{re.sub('[^a-z]', '-', path.stem.lower())}-{number}"
        self.port = free_port() if page.own_portal else int(servers["portal"].url.rstrip("/").rpartition(":")[2])
        self.names = {
            "work": work, "portal": servers["portal"].url, "port": self.port, "free": free_port(),
            "receiver": servers["receiver"].url, "postgres": servers["postgres"].port, "redis": servers["redis"].port,
            "page": name, "number": number}
        servers["postgres"].database(name)
        for kind in ("gs", "s3"):
            servers[kind].bucket(name)
        self.environment = {
            "PATH": f"{servers['bin']}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home),
            "TMPDIR": str(work), "LANG": "C.UTF-8", "CONVEYOR_BIN": str(TOOLS), "CONVEYOR_RATE_LIMIT_DELAY": "0.002",
            "CONVEYOR_STAGES_DIR": str(work / "stages"), "CONVEYOR_PORTALS_DIR": str(work / "portals"),
            "CONVEYOR_FETCH_RETRY_BASE": "0.1", "CONVEYOR_VALIDATE_RETRY_WAIT": "0.1",
            # Nothing but this machine is reached, whatever a page says.
            "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1,localhost",
            "STORAGE_EMULATOR_HOST": servers["gs"].url, "AWS_ENDPOINT_URL": servers["s3"].url,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "DB_HOST": "127.0.0.1",
            "DB_PORT": str(servers["postgres"].port), "DB_NAME": name, "DB_USER": "postgres", "DB_PASSWORD": "right",
            "PGPASSWORD": "right", "PGHOST": "127.0.0.1", "PGPORT": str(servers["postgres"].port),
            "PGUSER": "postgres", "PGDATABASE": name,
        }
        # The county's portal files name a real server; here they name the sample portal.
        for file in (*work.glob("portals/*.yaml"), *work.glob("examples/portals/*.yaml"),
                     *work.glob("examples/portals/*/*/*.txt")):
            file.write_text(self.real(re.sub(r"(?m)^base: https://.*", "base: http://127.0.0.1:8080/", file.read_text())))
        if page.index == "sqlite":
            self.run_quietly("enqueue import deeds.csv --index sqlite:index.db")
        elif page.index == "users":
            columns = (work / "deeds.csv").read_text().partition("\n")[0]
            (work / "table.sql").write_text(users_table_in_sqlite())
            self.run_quietly(
                "sqlite3 index.db <table.sql && sqlite3 index.db '.mode csv' '.import deeds.csv rows' "
                f"'INSERT INTO index_documents ({columns}) SELECT * FROM rows; DROP TABLE rows'")
        if page.before:
            self.run_quietly(page.before)

    def real(self, text):
        """The same with the names that hold here."""
        for pattern, name in self.page.names + NAMES:
            text = re.sub(pattern, name.format(**self.names), text)
        return text

    def run_quietly(self, command):
        done = subprocess.run(["bash", "-c", self.real(command)], cwd=self.work, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"{command}: {done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}")


class Shell:
    """A shell that goes on through a page, as the reader's does."""

    def __init__(self, world):
        self.world, self.count, self.jobs = world, 0, {}
        self.process = subprocess.Popen(["bash", "--norc"], cwd=world.work, env=world.environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self._send("set -o pipefail")

    def _send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def run(self, text):
        """Runs a command line: its status (None where it hangs), and what it said."""
        self.count += 1
        base = self.world.work / f".command-{self.count}"
        text = self.world.real(text)
        base.write_text(text)
        out = Path(f"{base}.out")
        endless = ENDLESS.search(text.strip())
        if endless:
            return self._begin(text, base, out)
        # $? of the line before is the reader's, too.
        self._send(f"(exit ${{status:-0}}); . {base} </dev/null >{out} 2>&1; status=$?; echo done $status >{base}.end")
        return self._status(Path(f"{base}.end")), out.read_text(errors="replace")

    def _status(self, end):
        begun = time.monotonic()
        while time.monotonic() - begun < SECONDS and self.process.poll() is None:
            if end.exists() and (said := end.read_text()).endswith("\n"):
                return int(said.split()[1])
            time.sleep(0.01)
        return None

    def _begin(self, text, base, out):
        """Starts what does not end, and waits until it is there."""
        for address, (job, _) in list(self.jobs.items()):
            if "--listen" in text and address in text:
                self._stop(job)
                del self.jobs[address]
        text = re.sub(r"&\s*(#.*)?\s*$", "", text.rstrip())
        base.write_text(text)
        self._send(f"export -p >{base}.env; echo done 0 >{base}.end")
        self._status(Path(f"{base}.end"))
        with out.open("w") as file:
            job = subprocess.Popen(["bash", "-c", f". {base}.env; {text.rstrip()}"], cwd=self.world.work,
                                   env=self.world.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                   start_new_session=True)
        address = re.search(r"127\.0\.0\.1:(\d+)", text)
        named = re.search(r"--port-file (\S+)", text)
        self.jobs[address[0] if address and "--listen" in text else f"job {self.count}"] = job, bool(ENDS.search(text))
        begun = time.monotonic()
        while time.monotonic() - begun < 30 and job.poll() is None:
            if named and (self.world.work / named[1]).exists() and (self.world.work / named[1]).stat().st_size:
                break
            if address and "--listen" in text and answers(int(address[1])):
                break
            if not named and "--listen" not in text and out.stat().st_size:
                break
            time.sleep(0.02)
        return (0 if job.poll() is None else job.returncode), out.read_text(errors="replace")

    def _stop(self, job):
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGTERM)
        try:
            return job.wait(SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(job.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self):
        """How what went on until now ended."""
        for job, ends in self.jobs.values():
            if ends:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    job.wait(SECONDS)
        statuses = [self._stop(job) for job, _ in self.jobs.values()]
        self.process.stdin.close()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        return statuses


def looks_like(shown, said):
    """Whether a line that a page shows is among those that came: numbers and hashes may be others, … stands for any
    text."""
    parts = []
    for part in re.split(r"(…|\b[0-9a-f]*\d[0-9a-f.,]*)", shown):
        if part == "…":
            parts.append(".*")
        elif re.fullmatch(r"[0-9a-f]*\d[0-9a-f.,]*", part):
            parts.append(r"[\da-f.,]+")
        else:
            parts.append(r"\s+".join(re.escape(word) for word in re.split(r"\s+", part)))
    pattern = re.compile("".join(parts))
    return any(pattern.search(line) for line in said.splitlines())


def run_page(path, number, page, servers, work, verbose):
    """Runs a page: figures, and what was wrong, each with its line."""
    wrong, ran = [], 0
    try:
        world = World(path, number, page, servers, work)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        return 0, [(0, f"its set-up failed: {error} {getattr(error, 'stderr', '')}")]
    shell = Shell(world)
    for block in blocks(path):
        if block.file:
            file = Path(str(work / block.file).replace(f"{work}/~", str(work / "home")))
            file.parent.mkdir(parents=True, exist_ok=True)
            kept = file.read_text().splitlines(keepends=True)[:block.after] if block.after else []
            file.write_text("".join(kept) + world.real(block.text()))
            file.chmod(0o700)
        if block.language not in RUN or block.why_not_run:
            continue
        commands, statuses = block.commands(), set()
        for at, command in enumerate(commands):
            if page.skips.match(command.text):
                continue
            status, said = shell.run(command.text)
            ran += 1
            if verbose:
                print(f"--- {path.name}:{command.line}: {status}: {command.text}{said}", flush=True)
            shown_status = next((int(c.shown[0]) for c in commands[at + 1:at + 2] if c.text == "echo $?\n"), None)
            statuses.add(status)
            if status not in ({0, block.status} if shown_status is None else {shown_status}):
                end = "does not end" if status is None else f"ends with {status}"
                wrong.append((command.line, f"{end}: {command.text.strip()}\n{said[-1500:]}"))
                if status is None:
                    shell.close()
                    return ran, wrong
            wrong += [(command.line, f"it does not say: {line}\n{said[-1500:]}") for line in command.shown
                      if not looks_like(world.real(line), said)]
        if statuses and block.status not in statuses:
            wrong.append((block.line, f"no command of the block ends with {block.status}"))
    for status in shell.close():
        # Of a portal, which has no handler; of the others, stopped in order.
        if status not in (-signal.SIGTERM, 143, 130, 0, 3):
            wrong.append((0, f"what was to be stopped ended with {status}"))
    return ran, wrong


def check_words(path, options, targets):
    """What a page names without running it."""
    for block in blocks(path):
        if not block.language:
            yield block.line, "say what the block is: sh, console, text, json …"
        if block.language not in RUN:
            if block.language == "text":
                yield from ((block.line + at, f"a command: this is a block of sh, or console: {line}")
                            for at, line in enumerate(block.lines, 1) if re.match(r"\$ |conveyor \w+ --", line))
            continue
        for command in block.commands():
            if block.why_not_run and (error := syntax_error(command.text)):
                yield command.line, f"no shell understands it: {error}"
            yield from ((command.line, text) for text in options.unknown(command.text))
            for target in re.findall(r"^make ([a-z-]+)", command.text, re.MULTILINE):
                if target not in targets:
                    yield command.line, f"there is no target {target}"
    for line, text in code(path):
        # What a benchmark can be asked, its own --help says.
        if text.lstrip("`").startswith("Benchmarks/"):
            continue
        for name in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text):
            if name not in options.known:
                yield line, f"no tool has {name}"


def setups(paths):
    """The pages that have command lines, each as often as it has set-ups."""
    for path in paths:
        if any(block.language in RUN for block in blocks(path)):
            page = PAGES.get(str(path.relative_to(ROOT)), Page())
            yield from ((path, one) for one in (page if isinstance(page, list) else [page]))


def rows(*options):
    """The index of the sample portal with these options."""
    return subprocess.run([TOOLS / "portal", "--print-index", "csv", *options], capture_output=True, check=True).stdout


def start_servers(folder):
    programs = folder / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(TOOLS / name)
    for name in ("bin/conveyor", "download_validator", "download_mid_filtered_documents.sh"):
        (programs / Path(name).name).symlink_to(ROOT / name)
    (programs / "mail").write_text("#!/bin/sh\ncat >/dev/null\n")
    (programs / "mail").chmod(0o755)
    csv = folder / "deeds.csv"
    csv.write_bytes(rows(*SMALL))
    return {"bin": programs, "portal": Portal(TOOLS / "portal", folder, *SMALL), "receiver": Receiver(),
            "postgres": Postgres(csv), "redis": Redis(folder), "gs": Store("gs"), "s3": Store("s3")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    begun = time.monotonic()
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    paths = [path for path in paths if not arguments.pages or path.name in arguments.pages
             or str(path.relative_to(ROOT)) in arguments.pages]
    options = Options(TOOLS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = [(path, *it) for path in paths for it in check_words(path, options, targets)]
    reference = subprocess.run([ROOT / "scripts" / "reference", "--check"], env=os.environ | {"CONVEYOR_BIN": str(TOOLS)})
    wrong += [(ROOT / "docs" / "options.md", 1, "write it anew: scripts/reference")] if reference.returncode else []
    skipped = [(path, block) for path in paths for block in blocks(path) if block.language in RUN and block.why_not_run]
    ran = 0
    with tempfile.TemporaryDirectory(prefix="conveyor-docs-") as folder:
        servers = start_servers(Path(folder))
        try:
            with ThreadPoolExecutor(4) as pool:
                jobs = [(path, pool.submit(run_page, path, number, page, servers, Path(folder) / f"page-{number}",
                                           arguments.verbose)) for number, (path, page) in enumerate(setups(paths))]
                for path, job in jobs:
                    count, found = job.result()
                    ran += count
                    wrong += [(path, *it) for it in found]
        finally:
            for name in ("portal", "receiver", "postgres", "redis", "gs", "s3"):
                servers[name].close()
    for path, line, what in wrong:
        print(f"{path.relative_to(ROOT)}:{line}: {what}")
    for path, block in skipped:
        print(f"not run: {path.relative_to(ROOT)}:{block.line}: {block.why_not_run}")
    count = sum(len(block.commands()) for _, block in skipped)
    print(f"docs: {ran} command lines of {len(paths)} pages run, {count} not run, {len(wrong)} wrong "
          f"({time.monotonic() - begun:.0f} s)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
