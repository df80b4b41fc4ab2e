"""Prints what Amazon's own client sees of a bucket's lifecycle and place, as JSON.

usage: lifecycle.py ENDPOINT BUCKET
"""

import json
import sys

from read_back import amazon_client

endpoint, bucket = sys.argv[1:]
client = amazon_client(endpoint)
rule = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
print(
    json.dumps(
        {
            "transitions": [[step["Days"], step["StorageClass"]] for step in rule["Transitions"]],
            "days_of_parts": rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"],
            "location": client.get_bucket_location(Bucket=bucket)["LocationConstraint"],
        }
    )
)
