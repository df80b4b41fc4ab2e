"""The driver as a person has it: at a terminal that is closed, at Ctrl+Z and fg, at Ctrl+\\, under nohup, in the
background of a script, with a broken standard error, with TMPDIR full, with an environment meant for others, and
within limits (`ulimit`). It ends as a person expects, with words, and no document pays for it."""

import fcntl
import os
import pty
import resource
import signal
import subprocess
import tempfile
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import oracle
from pipeline import HANG, ROOT, Pipeline, Skipped, side_by_side, until

DOCUMENTS = 24


def short(dice):
    return side_by_side(dice, [closed, closed_behind_a_shell, suspended, quit_at_once, nohup, background, broken_output,
                               strange_environment, temporary_folder, killed_tool, limits])


def long(dice):
    return side_by_side(dice, [closed, closed_behind_a_shell, suspended, quit_at_once, nohup, background, broken_output,
                               strange_environment, temporary_folder, killed_tool, limits] * 20)


def driver(pipeline, *words):
    """The command line of a run."""
    return [str(word) for word in (
        ROOT / "bin" / "conveyor", "run", "--stage", pipeline.own / "stage.yaml", "--index", pipeline.index, "--to", pipeline.bucket,
        "--state", pipeline.state, "--portal-base", pipeline.base, "--workers", pipeline.workers, "--rate-limit-delay", pipeline.delay,
        "--retry-base", "0.05", "--retry-wait", "0.2", "--yes", *words)]


def environment(pipeline, **more):
    from pipeline import TOOLS
    return {**pipeline.environment, "CONVEYOR_BIN": str(TOOLS), **more}


@contextmanager
def slow_pipeline(**more):
    """The two requests of each document take long enough, ten seconds for all, for a run to be met in its middle also on
    a machine that is busy with something else for some of them."""
    with Pipeline(DOCUMENTS, engine="images", delay=0.2, **more) as pipeline:
        yield pipeline


def completed(pipeline):
    return sum(row["download_status"] == "completed" for row in oracle.index_rows(pipeline.index))


def under_way(pipeline, process):
    """Waits until a run has settled something; returns whether it is still at it. Other trials want the machine,
    too, so that a start can take long."""
    return until(lambda: completed(pipeline) >= 2, process=process)


def tools(pipeline):
    """The tools of a run, by process id: what names the pipeline's folder, but for the portal and the driver."""
    return {process: line for process, line in pipeline._orphans().items()
            if "bin/conveyor" not in line and "python" not in line}


def send(process, number):
    """Sends a signal; returns whether the process was still there: a run may end while it is looked at."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def at_terminal(pipeline, words, **more):
    """Starts a session at a new terminal; returns the process and the terminal's other end."""
    master, slave = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
            signal.signal(number, signal.SIG_DFL)

    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                               preexec_fn=take_terminal, env=environment(pipeline, **more))
    os.close(slave)
    os.set_blocking(master, False)
    return process, master


def read(master):
    """What the terminal shows by now."""
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Nothing more now, or nobody at the other end.
            return shown.decode(errors="replace")
        if not piece:
            return shown.decode(errors="replace")
        shown += piece


def ended(pipeline, process, what, codes):
    """What is wrong with how a run ended: in time, with one of these codes, and with nothing left behind."""
    if not until(lambda: process.poll() is not None):
        process.kill()
        process.wait()
        pipeline.clear()
        return [f"P11: {what} did not end the run"]
    wrong = [] if process.returncode in codes else [f"P11: the run ended with {process.returncode} after {what}"]
    if not until(lambda: not tools(pipeline)):
        wrong.append(f"P11: still running after {what}: {list(tools(pipeline).values())}")
    return wrong


def resumed(pipeline, what):
    """What is wrong with the documents after that, and after another run."""
    wrong = [f"P5: document {row['id']} failed after {what}: {row['download_error']}"
             for row in oracle.index_rows(pipeline.index) if row["download_status"] == "failed"]
    wrong += [f"{text} after {what}" for text in oracle.check(pipeline, is_over=False)]
    pipeline.clear()
    return wrong + [f"{text} (resumed after {what})" for text in pipeline.finish() + oracle.check(pipeline)]


def closed(dice):
    """The driver leads the session, and its terminal goes away."""
    with slow_pipeline() as pipeline:
        process, master = at_terminal(pipeline, driver(pipeline))
        wrong = [] if under_way(pipeline, process) else [f"the run at a terminal did not begin: {read(master)}"]
        os.close(master)
        wrong += ended(pipeline, process, "a closed terminal", {130})
        if completed(pipeline) == DOCUMENTS:
            wrong.append("P11: a closed terminal did not stop the run")
        return {"terminals closed": 1}, wrong + resumed(pipeline, "a closed terminal")


def closed_behind_a_shell(dice):
    """A shell with job control leads the session, as at a desk, and passes SIGHUP on to its job."""
    with slow_pipeline() as pipeline:
        process, master = at_terminal(pipeline, ["bash", "--norc", "-i"])
        os.write(master, (" ".join(driver(pipeline)) + "\n").encode())
        wrong = [] if under_way(pipeline, process) else [f"the run behind a shell did not begin: {read(master)}"]
        os.close(master)
        wrong += ended(pipeline, process, "a closed terminal behind a shell", set(range(-64, 256)))
        if completed(pipeline) == DOCUMENTS:
            wrong.append("P11: a closed terminal did not stop the run behind a shell")
        return {"terminals closed": 1}, wrong + resumed(pipeline, "a closed terminal behind a shell")


def suspended(dice):
    """Ctrl+Z stops all of it, fg goes on to the end."""
    with slow_pipeline() as pipeline:
        process, master = at_terminal(pipeline, ["bash", "--norc", "-i"])
        os.write(master, (" ".join(driver(pipeline)) + "; echo ended with $?\n").encode())
        wrong = [] if under_way(pipeline, process) else [f"the run did not begin: {read(master)}"]
        os.write(master, b"\x1a")
        if not until(lambda: _states(pipeline) and set(_states(pipeline).values()) == {"T"}):
            wrong.append(f"P11: Ctrl+Z did not stop all tools: {_states(pipeline)}")
        before = len(Path(pipeline.log).read_text().splitlines())
        time.sleep(1)
        asked = len(Path(pipeline.log).read_text().splitlines()) - before
        # What was on its way when it came.
        if asked > pipeline.workers:
            wrong.append(f"P11: {asked} requests after Ctrl+Z")
        os.write(master, b"fg\n")
        if not until(lambda: completed(pipeline) == DOCUMENTS):
            wrong.append(f"P11: fg did not go on: {completed(pipeline)} of {DOCUMENTS}, {_states(pipeline)}: {read(master)}")
        if not until(lambda: not tools(pipeline)):
            wrong.append(f"P11: still running after fg: {tools(pipeline)}")
        os.write(master, b"exit\n")
        until(lambda: process.poll() is not None)
        process.kill()
        process.wait()
        os.close(master)
        return {"Ctrl+Z": 1}, wrong + [f"{text} after Ctrl+Z and fg" for text in oracle.check(pipeline)]


def _states(pipeline):
    """The tools by name and their state (proc(5)): T is stopped."""
    states = {}
    for process, line in tools(pipeline).items():
        try:
            stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Helpers of optimize are fed by it, and have nothing to do while it is stopped.
        if "--worker" not in line and "bash" not in line.split(" ")[0]:
            states[f"{line.split(' ')[0].rpartition('/')[2]} {process}"] = stat[0]
    return states


def quit_at_once(dice):
    """Ctrl+\\ is for those who do not want to wait."""
    with slow_pipeline() as pipeline:
        process, master = at_terminal(pipeline, driver(pipeline))
        wrong = [] if under_way(pipeline, process) else [f"the run did not begin: {read(master)}"]
        os.write(master, b"\x1c")
        wrong += ended(pipeline, process, "Ctrl+\\", {130})
        os.close(master)
        return {"Ctrl+\\": 1}, wrong + resumed(pipeline, "Ctrl+\\")


def nohup(dice):
    """What was ignored at the start stays ignored: by the driver, and by each tool alone."""
    with slow_pipeline() as pipeline:
        wrong = []
        with open(pipeline.own / "nohup.out", "wb") as output:
            process = subprocess.Popen(["nohup", *driver(pipeline)], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True, env=environment(pipeline))
        # While it still looks at what it needs.
        if not until(lambda: tools(pipeline), process=process):
            wrong.append("the driver under nohup looked at nothing")
        for _ in range(20):
            os.killpg(process.pid, signal.SIGHUP)
            time.sleep(0.02)
        wrong += [] if under_way(pipeline, process) else ["the run under nohup did not begin"]
        os.killpg(process.pid, signal.SIGHUP)
        for tool in tools(pipeline):
            send(tool, signal.SIGHUP)
        wrong += ended(pipeline, process, "SIGHUP under nohup", {0})
        if completed(pipeline) != DOCUMENTS:
            wrong.append(f"P11: SIGHUP under nohup stopped a run at {completed(pipeline)} of {DOCUMENTS}")
        return {"nohup": 1}, wrong + [f"{text} after SIGHUP under nohup" for text in oracle.check(pipeline)]


def background(dice):
    """In the background of a shell without job control SIGINT is ignored (POSIX), and SIGTERM is not."""
    with slow_pipeline() as pipeline:
        number = pipeline.own / "pid"
        script = f"{' '.join(driver(pipeline))} & echo $! >{number}; wait $!"
        shell = subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True, env=environment(pipeline))
        wrong = [] if under_way(pipeline, shell) else ["the run in the background did not begin"]
        before = completed(pipeline)
        os.killpg(shell.pid, signal.SIGINT)
        process = int(number.read_text())
        # On a busy machine the run may be at its end before it is seen to have begun.
        if not until(lambda: completed(pipeline) >= min(before + 2, DOCUMENTS)):
            wrong.append("P11: SIGINT stopped a run in the background of a script")
        if not send(process, signal.SIGTERM) and completed(pipeline) < DOCUMENTS:
            wrong.append("P11: a run in the background ended before SIGTERM, with documents left")
        until(lambda: not Path(f"/proc/{process}").exists())
        shell.wait()
        if not until(lambda: not tools(pipeline)):
            wrong.append("P11: still running after SIGTERM in the background")
        return {"background": 1}, wrong + resumed(pipeline, "SIGTERM in the background")


def broken_output(dice):
    """Nobody reads what the driver says, or there is no standard error, or no standard descriptor at all."""
    wrong = []
    for how in ("2>&1 >/dev/null | true", "2>&-", "<&- >&- 2>&-", "2>/dev/full"):
        with Pipeline(6, engine="images") as pipeline:
            process = subprocess.Popen(["bash", "-o", "pipefail", "-c", f"{' '.join(driver(pipeline))} {how}"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True, env=environment(pipeline))
            pipeline.sessions.add(process.pid)
            # Before anything began, a broken pipe may end the driver; afterwards it must not leave tools alone.
            codes = {0, 141} if "true" in how else {0}
            wrong += ended(pipeline, process, how, codes)
            if process.returncode == 0:
                wrong += [f"{text} with {how}" for text in oracle.check(pipeline, counts_pages=True)]
    return {"broken outputs": 4}, wrong


def strange_environment(dice):
    """Variables that change what a shell script does."""
    with tempfile.TemporaryDirectory() as folder:
        evil = Path(folder) / "evil.sh"
        evil.write_text("set -u; IFS=x; shopt -s failglob; kill() { :; }; wait() { return 9; }; alias say=false\n")
        variables = {"POSIXLY_CORRECT": "1", "BASH_ENV": str(evil), "ENV": str(evil), "CDPATH": "/:/tmp", "IFS": "aeiou/",
                     "GREP_OPTIONS": "-v", "LC_ALL": dice.choice(["tr_TR.UTF-8", "de_DE.UTF-8", "none"]),
                     "SHELLOPTS": "noglob:nounset", "BASHOPTS": "failglob", "GLOBIGNORE": "*",
                     "BASH_FUNC_kill%%": "() { return 1; }", "POSIX_ME_HARDER": "1"}
        with Pipeline(6, engine="images") as pipeline:
            run = subprocess.run(driver(pipeline), stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG,
                                 env=environment(pipeline, **variables))
            wrong = [] if run.returncode == 0 else [f"P12: {run.returncode} in a strange environment: {run.stderr[-500:]}"]
            return {"environments": 1}, wrong + oracle.check(pipeline, counts_pages=True)


def temporary_folder(dice):
    """TMPDIR is missing, a file, read-only or full: the run needs none."""
    wrong, tried = [], 0
    with tempfile.TemporaryDirectory() as folder:
        places = {"missing": Path(folder) / "none", "a file": Path(folder) / "file", "full": Path(folder) / "full"}
        places["a file"].write_text("")
        places["full"].mkdir()
        is_full = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", places["full"]], capture_output=True).returncode == 0
        try:
            if is_full:
                (places["full"] / "filler").write_bytes(b"x" * 4096)
            for how, place in places.items():
                if how == "full" and not is_full:
                    continue
                with Pipeline(6, engine="images") as pipeline:
                    run = subprocess.run(driver(pipeline), stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG,
                                         env=environment(pipeline, TMPDIR=str(place), SQLITE_TMPDIR=str(place)))
                    tried += 1
                    if run.returncode != 0:
                        wrong.append(f"P12: {run.returncode} with a TMPDIR that is {how}: {run.stderr[-500:]}")
                    wrong += [f"{text} with a TMPDIR that is {how}" for text in oracle.check(pipeline, counts_pages=True)]
        finally:
            if is_full:
                subprocess.run(["umount", "--lazy", places["full"]])
    return {"temporary folders": tried}, wrong


def killed_tool(dice):
    """As by the kernel for want of memory: the driver says which, by what, and what to do."""
    name = dice.choice(["enqueue", "fetch", "optimize", "upload", "validate"])
    with slow_pipeline() as pipeline:
        process = subprocess.Popen(driver(pipeline), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, start_new_session=True, env=environment(pipeline))
        pipeline.sessions.add(process.pid)
        wrong = [] if under_way(pipeline, process) else ["the run did not begin"]
        for tool, line in tools(pipeline).items():
            if line.split(" ")[0].endswith(f"/{name}"):
                send(tool, signal.SIGKILL)
        said = process.communicate(timeout=HANG)[1].decode()
        if process.returncode != 1:
            wrong.append(f"the run ended with {process.returncode} after {name} was killed: {said[-500:]}")
        if f"{name} was ended by signal 9, SIGKILL" not in said or "same command resumes" not in said:
            wrong.append(f"not a word about {name}, which was killed: {said[-500:]}")
        return {"tools killed": 1}, wrong + resumed(pipeline, f"{name} was killed")


def limits(dice):
    """`ulimit`: an orderly end with words, and one document at most that pays."""
    wrong, tried = [], 0
    cases = [("-f", resource.RLIMIT_FSIZE, dice.choice([512, 4096, 8192])), ("-f", resource.RLIMIT_FSIZE, 65536),
             ("-n", resource.RLIMIT_NOFILE, dice.choice([24, 32, 40])), ("-t", resource.RLIMIT_CPU, 1)]
    cases += [("-v", resource.RLIMIT_AS, size << 20) for size in (dice.randrange(60, 200), 300, 400)]
    for name, kind, value in cases:
        with Pipeline(DOCUMENTS, engine="images") as pipeline:
            def set_limit(kind=kind, value=value):
                resource.setrlimit(kind, (value, resource.RLIM_INFINITY if kind == resource.RLIMIT_CPU else value))
            run = subprocess.run(driver(pipeline), stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG,
                                 env=environment(pipeline), preexec_fn=set_limit)
            tried += 1
            said = run.stderr.decode(errors="replace")
            # 127: the loader of programs found no room.
            if run.returncode not in {"-f": {0, 74}, "-v": {0, 74, 127}}.get(name, {0, 1, 69, 74}):
                wrong.append(f"ulimit {name} {value}: ended with {run.returncode}: {said[-800:]}")
            if run.returncode != 0 and len(said.strip()) == 0:
                wrong.append(f"ulimit {name} {value}: ended with {run.returncode} without a word")
            failed = [row["id"] for row in oracle.index_rows(pipeline.index) if row["download_status"] == "failed"]
            if len(failed) > 1:
                wrong.append(f"ulimit {name} {value}: {len(failed)} documents failed")
            pipeline.clear()
            wrong += [f"{text} (resumed after ulimit {name} {value})" for text in pipeline.finish()]
    return {"limits": tried}, wrong
