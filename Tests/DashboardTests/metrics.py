"""Reads OpenMetrics from stdin, length first, with the official parser: prints what it found, or why it is wrong."""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

text = sys.stdin.buffer.read(int(sys.stdin.buffer.readline())).decode()
try:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = [family.type, sample.value]
    print(json.dumps({"samples": found}), flush=True)
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
