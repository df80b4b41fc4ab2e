#!/usr/bin/env python3
"""The image, run as the manifests say it: by runc, as user 10001, without capabilities, on a root that is read-only, with
the system calls that containers are left with. As root; ends with 1 where something was not as it should be.

    image.py                  builds the image again (its digest has to be the same), and runs it
    image.py --image FOLDER   runs this one

Needs: `make image`, `scripts/install-dependencies image`, PostgreSQL, and `make .build/kubernetes/ready`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Torture"))
from machines import Server  # pylint: disable=wrong-import-position
from manifests import check, failures, pods, rendered  # pylint: disable=wrong-import-position
from pipeline import ROOT, Pipeline, until  # pylint: disable=wrong-import-position

IMAGE = ROOT / ".build" / "image"
USER = 10001
# https://kubernetes.io/docs/tutorials/security/seccomp: RuntimeDefault is what the container's engine has, of which
# this is one; what it leaves to those with a capability is left to nobody here.
CALLS = Path("/usr/share/containers/seccomp.json")
DOCUMENTS = 50


def seccomp():
    """The engine's profile as runc reads it, for a container without capabilities."""
    profile = json.loads(CALLS.read_text())
    rules = []
    for rule in profile["syscalls"]:
        included, excluded = rule.get("includes", {}), rule.get("excludes", {})
        here = not included.get("arches") or "amd64" in included["arches"] or "x86_64" in included["arches"]
        if included.get("caps") or not here or "amd64" in excluded.get("arches", []):
            continue
        kept = {"names": rule["names"], "action": rule["action"]}
        if rule.get("args"):
            kept["args"] = [{"index": a["index"], "value": a["value"], "valueTwo": a.get("valueTwo", 0), "op": a["op"]} for a in rule["args"]]
        if rule.get("errnoRet") is not None:
            kept["errnoRet"] = rule["errnoRet"]
        rules.append(kept)
    architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"] if os.uname().machine == "x86_64" else ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
            "architectures": architectures, "syscalls": rules}


class Container:
    """One run of the image. It has the machine's network, so that it reaches the sample portal and the database."""

    def __init__(self, bundle, name, pod, words, variables, mounts, host="pod"):
        self.name = f"conveyor-{os.getpid()}-{name}"
        self.folder = Path(bundle).parent / name
        self.folder.mkdir()
        config = json.loads((Path(bundle) / "config.json").read_text())
        container = pod["containers"][0]
        own = container["securityContext"]
        process = config["process"]
        process["args"] = process["args"][:3] + [str(word) for word in words]
        process["env"] += [f"{name}={value}" for name, value in variables.items()]
        process["user"] = {"uid": pod["securityContext"]["runAsUser"], "gid": pod["securityContext"]["runAsGroup"],
                           "additionalGids": [pod["securityContext"]["fsGroup"]]}
        process["terminal"] = False
        process["noNewPrivileges"] = not own["allowPrivilegeEscalation"]
        process["capabilities"] = {}  # drop: [ALL]
        config["root"] = {"path": str(Path(bundle) / "rootfs"), "readonly": own["readOnlyRootFilesystem"]}
        config["hostname"] = host
        config["linux"] = {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")], "seccomp": seccomp(),
            "maskedPaths": config["linux"].get("maskedPaths", []), "readonlyPaths": config["linux"].get("readonlyPaths", []),
        }
        kept = {"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"}
        config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] in kept]
        for target in ("/state", "/tmp"):
            place = self.folder / target.strip("/")
            place.mkdir()
            os.chown(place, 0, pod["securityContext"]["fsGroup"])
            place.chmod(0o2770)  # As fsGroup makes an emptyDir.
            mounts = {**mounts, target: (place, "rw")}
        for target, (source, way) in mounts.items():
            config["mounts"].append({"destination": target, "type": "bind", "source": str(source), "options": ["rbind", way, "nosuid", "nodev"]})
        (self.folder / "config.json").write_text(json.dumps(config))
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["runc", "run", "--bundle", self.folder, self.name], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def kill(self, name):
        subprocess.run(["runc", "kill", self.name, name], check=True)

    def wait(self, seconds=300):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            subprocess.run(["runc", "delete", "--force", self.name], check=False)
            return "it hung"

    @property
    def text(self):
        return (self.folder / "log").read_text(errors="replace")

    def inside(self, script):
        """What a command in the container prints."""
        return subprocess.run(["runc", "exec", self.name, "bash", "-c", script], capture_output=True, text=True, check=False).stdout


class Trial:
    """An unpacked image, an index in PostgreSQL, the sample portal, and a bucket that the pods share."""

    def __init__(self, folder, server, pipeline, image):
        self.folder, self.server, self.pipeline = Path(folder), server, pipeline
        self.bundle = self.folder / "bundle"
        subprocess.run(["umoci", "--log=error", "unpack", "--image", f"{image}:latest", self.bundle], check=True)
        self.bucket = self.folder / "bucket"
        self.stages = self.folder / "stages"
        for place in (self.bucket, self.stages):
            place.mkdir()
            os.chown(place, USER, USER)
        shutil.copy(pipeline.own / "stage.yaml", self.stages)
        manifests = {item["kind"]: item for item in rendered("base")}
        self.pod, settings = pods(manifests["Job"]), manifests["ConfigMap"]["data"]
        database = server.url.removeprefix("postgres://postgres:right@").split("/")[0]
        host, port = database.split(":")
        self.variables = {
            **settings, "CONVEYOR_STAGE": "stage", "CONVEYOR_STAGES_DIR": "/stages", "CONVEYOR_TO": "/bucket", "DB_HOST": host, "DB_PORT": port,
            "DB_NAME": "postgres", "DB_USER": "postgres", "DB_PASSWORD": "right", "CONVEYOR_PORTAL_BASE": pipeline.base,
            "CONVEYOR_RATE_LIMIT_DELAY": "0.1"}
        self.mounts = {"/bucket": (self.bucket, "rw"), "/stages": (self.stages, "ro")}

    def start(self, name, words=None, variables=None, mounts=None, host="pod"):
        return Container(self.bundle, name, self.pod, words or self.pod["containers"][0]["args"],
                         {**self.variables, **(variables or {})}, {**self.mounts, **(mounts or {})}, host)

    def count(self, condition="true"):
        return int(self.server.psql(f"SELECT count(*) FROM index_documents WHERE {condition}"))

    def rights(self):
        """What the pod's process may do."""
        one = self.start("rights", ["monitor", "--watch", "1s"])
        until(lambda: "CapEff" in one.inside("cat /proc/1/status"), 30)
        status = dict(line.split(":\t") for line in one.inside("cat /proc/1/status").splitlines() if ":\t" in line)
        check("the pod is user 10001 without capabilities or new privileges, behind a filter of system calls",
              (status.get("Uid", "").split()[:1], status.get("CapEff"), status.get("NoNewPrivs"), status.get("Seccomp")) == (["10001"], "0" * 16, "1", "2"),
              {name: status.get(name) for name in ("Uid", "CapEff", "NoNewPrivs", "Seccomp")})
        check("its root is read-only", "no" in one.inside("touch /usr/x 2>/dev/null && echo yes || echo no"))
        check("tini is the first process", one.inside("cat /proc/1/comm").strip() == "tini")
        broken = one.inside("for f in /usr/libexec/conveyor/*; do ldd $f; done 2>/dev/null | grep 'not found'")
        check("each tool finds its libraries", broken == "", broken)
        one.kill("TERM")
        one.wait(20)

    def doctor(self):
        one = self.start("doctor", ["doctor"])
        code = one.wait()
        check("the image has all that a run needs", code == 0 and "MISSING" not in one.text, "" if code == 0 else one.text[-2000:])

    def fifty(self):
        """Fifty documents; SIGTERM in their middle."""
        first = self.start("first")
        check("a pod works", until(lambda: self.count("download_status = 'completed'") >= DOCUMENTS // 4, 120, first.process),
              "" if first.process.poll() is None else first.text[-500:])
        begun = time.monotonic()
        first.kill("TERM")
        code = first.wait(60)
        took = time.monotonic() - begun
        done = self.count("download_status = 'completed'")
        check("SIGTERM ends it with 130 within ten seconds", code == 130 and took <= 10, f"{code} after {took:.1f} s, {done} of {DOCUMENTS} done")
        leases = self.count("download_status = 'in_progress'")
        check("no lease is left", leases == 0 and 0 < done < DOCUMENTS, f"{leases} leases")
        second = self.start("second")
        check("the next pod goes on to the end", second.wait() == 0, "" if second.process.returncode == 0 else second.text[-1000:])
        objects = sorted(self.bucket.rglob("*.pdf"))
        check("all are in the bucket", self.count("download_status = 'completed'") == len(objects) == DOCUMENTS, len(objects))
        whole = all(subprocess.run(["qpdf", "--check", path], capture_output=True, check=False).returncode in (0, 3) for path in objects)
        check("each is a whole PDF", whole)

    def same_name(self):
        """Two pods of one host name, each process 1 of its own numbers: none takes the other for dead."""
        self.server.psql("UPDATE index_documents SET download_status = 'pending', download_attempts = 0, lease_owner = NULL")
        shutil.rmtree(self.bucket)
        self.bucket.mkdir()
        os.chown(self.bucket, USER, USER)
        slow = {"CONVEYOR_RATE_LIMIT_DELAY": "0.3"}
        names = ["left", "right"]
        both = [self.start(name, variables=slow, host="same") for name in names]
        owners = lambda: self.server.psql("SELECT DISTINCT lease_owner FROM index_documents WHERE download_status = 'in_progress'").split()
        check("two pods with one host name work side by side", until(lambda: len(owners()) == 2, 60), owners())
        check("both say that they are the same host", len({owner.split("/")[0] for owner in owners()}) == 1, owners())
        # A third one comes and goes while they work: its start looks for the leases of the dead.
        third = self.start("third", variables=slow, host="same")
        until(lambda: len(owners()) == 3 or self.count("download_status = 'pending'") == 0, 60)
        third.kill("TERM")
        codes = [third.wait(60)] + [one.wait() for one in both]
        stolen = self.count("lost_leases > 0")
        again = self.count("download_attempts > 1")
        check("no lease was stolen", stolen == 0 and again == 0, f"{stolen} stolen, {again} claimed twice, ended with {codes}")
        check("all is done", self.count("download_status = 'completed'") == DOCUMENTS and set(codes) <= {0, 130})

    def secret(self):
        """A file of a Secret, as Kubernetes mounts it: root's, mode 0440, of the pod's group, behind a link to `..data`."""
        folder = self.folder / "secrets"
        (folder / "..2026_11_26").mkdir(parents=True)
        (folder / "..data").symlink_to("..2026_11_26")
        for name, text in {"portal": "open-sesame\n", "redis": "right\n"}.items():
            file = folder / "..2026_11_26" / name
            file.write_text(text)
            os.chown(file, 0, USER)
            file.chmod(0o440)
            (folder / name).symlink_to(f"..data/{name}")
        variables = {"PORTAL_PASSWORD_FILE": "/secrets/portal", "CONVEYOR_REDIS_PASSWORD_FILE": "/secrets/redis"}
        tries = {
            # Nothing listens there: 69 means that only the password was not in the way.
            "Redis": (["queue", "status", "redis://head@127.0.0.1:1/0"], 69),
            # No line comes in: 0 means that the portal's file was read, with what it names.
            "a portal": (["fetch", "--portal", "/usr/share/conveyor/examples/portals/login.yaml"], 0)}
        for number, (whose, (words, code)) in enumerate(tries.items()):
            for mode in (0o440, 0o444):
                (folder / "..data" / ("redis" if number == 0 else "portal")).chmod(mode)
                one = self.start(f"secret{number}-{mode:o}", words, variables, {"/secrets": (folder, "ro")})
                ended, refused = one.wait(120), "can be read by" in one.text
                if mode == 0o440:
                    check(f"the password of {whose}, mounted 0440, is taken", ended == code and not refused, one.text[-300:] if refused else ended)
                else:
                    check("… mounted 0444, it is refused, with what to do", refused and "defaultMode" in one.text, ended)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", metavar="FOLDER")
    image = parser.parse_args().image
    if os.geteuid() != 0:
        sys.exit("image.py: runc and host names of their own take root")
    if not image:
        image = IMAGE
        digest = lambda folder: json.loads((Path(folder) / "index.json").read_text())["manifests"][0]["digest"]
        with tempfile.TemporaryDirectory(prefix="conveyor-image-") as folder:
            subprocess.run([ROOT / "deploy" / "build-image", f"{folder}/image"], check=True, stdout=subprocess.DEVNULL)
            check("the same image twice", digest(f"{folder}/image") == digest(image), digest(image))
    with tempfile.TemporaryDirectory(prefix="conveyor-image-") as folder, Server() as server, \
            Pipeline(DOCUMENTS, index=server.url, portal=["--document-size", "0"]) as pipeline:
        os.chmod(folder, 0o755)
        trial = Trial(folder, server, pipeline, image)
        trial.rights()
        trial.doctor()
        trial.secret()
        trial.fifty()
        trial.same_name()
    print(f"{len(failures)} failed: {failures}" if failures else "all as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
