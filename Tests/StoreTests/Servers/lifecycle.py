"""Prints what Amazon's own client sees of a bucket's lifecycle and place, as JSON.

usage: lifecycle.py ENDPOINT BUCKET
"""

import json
import sys

import boto3

endpoint, bucket = sys.argv[1:]
client = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
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
