#!/usr/bin/env python3
"""Holds deploy/kubernetes against the schemas of Kubernetes and KEDA, and proves that the schemas see every mistake; and
the units in deploy/systemd against systemd.

    manifests.py                 all trials; ends with 1 where something was not as it should be
    manifests.py --crds FOLDER   the same with KEDA's definitions (its config/crd/bases), of whatever version
                                 they are; with --keep, keda.json is made anew from them

`kubectl kustomize` renders each overlay; nothing needs a cluster. The tools, whose options name the variables, are
taken from .build/debug, or from CONVEYOR_BIN. Needs: `make .build/kubernetes/ready`.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate.utils as schemas
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "debug"))
KUBECTL = Path(sys.executable).parent / "kubectl"
OVERLAYS = ["base", "overlays/keda", "overlays/redis", "overlays/gke"]
VERSIONS = ["1.30", "1.33", "1.37"]
# Their members have names that nobody prescribes.
FREE = {"labels", "annotations", "matchLabels", "nodeSelector", "data", "limits", "requests"}
# https://keda.sh/docs/2.16/scalers/postgresql: for KEDA's schema, a trigger's metadata are any texts.
POSTGRESQL = {
    "connectionFromEnv", "host", "port", "dbName", "userName", "passwordFromEnv", "sslmode", "query",
    "targetQueryValue", "activationTargetQueryValue",
}
failures = []


def check(name, fine, seen=""):
    print(f"{'ok    ' if fine else 'FAILED'} {name}" + (f"   {seen}" if seen != "" else ""), flush=True)
    if not fine:
        failures.append(name)


def rendered(overlay):
    done = subprocess.run([KUBECTL, "kustomize", FOLDER / overlay], capture_output=True, text=True, check=False)
    check(f"{overlay} is rendered", done.returncode == 0, done.stderr.strip())
    return [item for item in yaml.safe_load_all(done.stdout) if item]


# Schemas ---------------------------------------------------------------------------------------


def of_kubernetes(version, item):
    """What `kubernetes-validate --strict` asks; made once for each kind, as its definitions have megabytes."""
    key = (version, item["kind"], item["apiVersion"])
    if key not in of_kubernetes.made:
        folder = f"kubernetes-json-schema/v{version}.0-local-strict"
        group = item["apiVersion"].replace(".k8s.io", "").replace("/", "-")
        if version not in of_kubernetes.definitions:
            of_kubernetes.definitions[version] = Resource.from_contents(
                schemas.schema_contents(f"{folder}/_definitions.json", version))
        schema = schemas.schema_contents(f"{folder}/{item['kind'].lower()}-{group}.json", version)
        registry = of_kubernetes.definitions[version] @ (Resource.from_contents(schema) @ Registry())
        of_kubernetes.made[key] = Draft202012Validator(schema, registry=registry)
    return of_kubernetes.made[key]


of_kubernetes.made, of_kubernetes.definitions = {}, {}


def closed(schema, of_names=False):
    """The same without its descriptions, and so that a member which it does not name is a mistake."""
    if isinstance(schema, list):
        return [closed(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: closed(value, name == "properties" and not of_names) for name, value in schema.items()
            if of_names or name not in ("description", "format")}
    if not of_names and "properties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept


def of_keda(folder):
    """KEDA's own definitions, closed."""
    found = {}
    for kind in ("ScaledObject", "TriggerAuthentication"):
        file = yaml.safe_load(Path(folder, f"keda.sh_{kind.lower()}s.yaml").read_text())
        schema = file["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        del schema["properties"]["status"]
        # What the API server knows of every object.
        schema["properties"]["metadata"] = {"type": "object", "properties": {
            "name": {"type": "string"}, "labels": {"type": "object"}, "annotations": {"type": "object"}}}
        found[kind] = closed(schema)
    return found


# Mistakes --------------------------------------------------------------------------------------


def names(item, path=()):
    """Where the names are that somebody may misspell: the path to the mapping, and the name in it."""
    if isinstance(item, dict):
        for name, value in item.items():
            # A trigger's metadata are checked against POSTGRESQL.
            if not FREE.intersection(path[-1:]) and path[-3:] != ("triggers", 0, "metadata"):
                yield path, name
            yield from names(value, (*path, name))
    elif isinstance(item, list):
        for number, value in enumerate(item):
            yield from names(value, (*path, number))


def misspelt(item, path, name):
    item = copy.deepcopy(item)
    place = item
    for step in path:
        place = place[step]
    place[name + name[-1]] = place.pop(name)
    return item


def check_mistakes(items, validators):
    """Each name of each object, its last letter doubled."""
    tried, unseen, kinds = 0, [], {item["kind"]: item for item in items}
    for item in kinds.values():
        for path, name in names(item):
            if path == () and name in ("apiVersion", "kind"):
                continue  # Of no kind at all: refused by every server.
            tried += 1
            if validators(item).is_valid(misspelt(item, path, name)):
                unseen.append(".".join(map(str, (item["kind"], *path, name))))
    check(f"a misspelt name is found in each of {len(kinds)} kinds", not unseen, f"{tried} tried, unseen: {unseen or 0}")


# What no schema says ---------------------------------------------------------------------------


def pods(item):
    """The specification of the pods that an object makes, if it makes some."""
    spec = item.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec.get("template", {}).get("spec")


def check_pods(overlay, items):
    known = {(item["kind"], item["metadata"]["name"]) for item in items}
    for item in items:
        pod, name = pods(item), f"{overlay}: {item['kind']} {item['metadata']['name']}"
        if not pod:
            continue
        inside, container = pod["securityContext"], pod["containers"][0]
        own = container["securityContext"]
        check(f"{name} has no rights", own == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        } and inside["runAsNonRoot"] and inside["runAsUser"] == inside["fsGroup"] == 10001
            and inside["seccompProfile"]["type"] == "RuntimeDefault" and pod["automountServiceAccountToken"] is False)
        check(f"{name} has memory, and no limit of the processor", set(container["resources"]["limits"]) == {"memory"})
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        check(f"{name} mounts what there is", all(mount["name"] in volumes for mount in container["volumeMounts"]))
        check(f"{name} keeps its files small", all("sizeLimit" in v["emptyDir"] for v in volumes.values() if "emptyDir" in v))
        check(f"{name} lets its group read secrets", all(v["secret"]["defaultMode"] == 0o440 for v in volumes.values() if "secret" in v))
        check(f"{name} refers to what there is", ("ServiceAccount", pod["serviceAccountName"]) in known
              and all(("ConfigMap", source["configMapRef"]["name"]) in known for source in container["envFrom"] if "configMapRef" in source))
        for rule in item["spec"].get("podFailurePolicy", {}).get("rules", []):
            wanted = rule.get("onExitCodes", {}).get("containerName", container["name"])
            check(f"{name} judges its own container's end", wanted == container["name"])
        if item["kind"] == "Deployment":
            labels = item["spec"]["template"]["metadata"]["labels"]
            check(f"{name} selects its pods", item["spec"]["selector"]["matchLabels"].items() <= labels.items())


def check_scaling(items):
    for item in (item for item in items if item["kind"] == "ScaledObject"):
        spec = item["spec"]
        trigger = spec["triggers"][0]
        target = ("Deployment", spec["scaleTargetRef"]["name"])
        check("KEDA scales what there is", target in {(i["kind"], i["metadata"]["name"]) for i in items})
        check("KEDA's trigger has known parameters", set(trigger["metadata"]) <= POSTGRESQL, set(trigger["metadata"]) - POSTGRESQL or "")
        check("KEDA takes the view's number as it is", trigger["metricType"] == "AverageValue" and trigger["metadata"]["targetQueryValue"] == "1")


def variables():
    """All that the tools read: each option's, with and without the tool's name."""
    found = {f"CONVEYOR_{name}" for name in ("FLEET", "QUEUE", "WEBHOOK", "PING", "WEBHOOK_SECRET_FILE")}
    for tool in ("enqueue", "fetch", "optimize", "upload", "validate", "queue"):
        text = subprocess.run([TOOLS / tool, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
        for argument in json.loads(text)["command"]["arguments"]:
            for name in argument.get("names", []):
                option = name["name"].upper().replace("-", "_")
                found |= {f"CONVEYOR_{option}", f"CONVEYOR_{tool.upper()}_{option}"}
    # What each tool has for itself (Sources/CLI/EnvironmentDefaults.swift).
    own = ("KEY", "LISTEN", "PATIENCE", "RETRIES", "RETRY_BASE", "TIMEOUT", "WHY", "WORKERS")
    return found - {f"CONVEYOR_{name}" for name in own}


def check_settings(overlay, items, known):
    for item in (item for item in items if item["kind"] == "ConfigMap"):
        unknown = {name for name in item["data"] if name.startswith("CONVEYOR_")} - known
        check(f"{overlay}: the variables of {item['metadata']['name']} are options", not unknown, unknown or "")
        stage = ROOT / "stages" / f"{item['data']['CONVEYOR_STAGE']}.yaml"
        check(f"{overlay}: the stage of {item['metadata']['name']} is delivered", stage.exists())


def check_worker(items):
    """What works outside gets nothing that is the head's."""
    worker = next(item for item in items if item["kind"] == "Deployment")
    settings = next(item for item in items if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "conveyor-worker")
    text = json.dumps([worker, settings])
    check("overlays/redis: a worker knows no index", "DB_" not in text and "CONVEYOR_INDEX" not in text)
    secrets = {"conveyor-worker", "conveyor-worker-files"}
    pod = pods(worker)
    given = {source["secretRef"]["name"] for source in pod["containers"][0]["envFrom"] if "secretRef" in source}
    given |= {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    check("overlays/redis: a worker has secrets of its own", given == secrets, given)


def check_units():
    """The units of systemd, which has to find the programs that they start."""
    with tempfile.TemporaryDirectory() as folder:
        for unit in (ROOT / "deploy" / "systemd").iterdir():
            Path(folder, unit.name).write_text(unit.read_text().replace("/usr/bin/conveyor", str(ROOT / "bin" / "conveyor")))
        done = subprocess.run(
            ["systemd-analyze", "verify", *sorted(Path(folder).iterdir())], capture_output=True, text=True, check=False)
        check("systemd understands its units", done.returncode == 0 and done.stderr == "", done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crds", metavar="FOLDER")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    kept = Path(__file__).with_name("keda.json")
    definitions = of_keda(options.crds) if options.crds else json.loads(kept.read_text())
    if options.keep:
        kept.write_text("{" + ",\n".join(f"{json.dumps(kind)}: {json.dumps(one)}" for kind, one in definitions.items()) + "}\n")
    keda = {kind: Draft202012Validator(one) for kind, one in definitions.items()}
    known = variables()
    everything = []
    for overlay in OVERLAYS:
        items = rendered(overlay)
        everything += items
        for version in VERSIONS:
            wrong = [
                f"{item['kind']}: {error.message}" for item in items
                for error in (keda.get(item["kind"]) or of_kubernetes(version, item)).iter_errors(item)]
            check(f"{overlay} is valid for Kubernetes {version}", not wrong, wrong or f"{len(items)} objects")
        check_pods(overlay, items)
        check_scaling(items)
        check_settings(overlay, items, known)
        if overlay == "overlays/redis":
            check_worker(items)
    for version in VERSIONS:
        check_mistakes(everything, lambda item, version=version: keda.get(item["kind"]) or of_kubernetes(version, item))
    check_units()
    print(f"{len(failures)} failed: {failures}" if failures else "all as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
