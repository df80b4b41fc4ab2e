"""Reads an object with the vendor's own client, and prints what it sees as JSON.

usage: read_back.py gs|s3 ENDPOINT BUCKET NAME
"""

import hashlib
import json
import os
import sys


def google(endpoint, bucket, name):
    os.environ["STORAGE_EMULATOR_HOST"] = endpoint
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    client = storage.Client(project="test", credentials=AnonymousCredentials())
    blob = client.bucket(bucket).get_blob(name)
    seen = {
        "metadata": blob.metadata,
        "content_type": blob.content_type,
        "cache_control": blob.cache_control,
        "storage_class": blob.storage_class,
    }
    # Downloading replaces some of these by what the emulator's headers lack.
    seen["sha256"] = hashlib.sha256(blob.download_as_bytes()).hexdigest()
    return seen


def amazon_client(endpoint):
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def amazon(endpoint, bucket, name):
    found = amazon_client(endpoint).get_object(Bucket=bucket, Key=name)
    return {
        "sha256": hashlib.sha256(found["Body"].read()).hexdigest(),
        "metadata": found["Metadata"],
        "content_type": found["ContentType"],
        "cache_control": found.get("CacheControl"),
        "storage_class": found.get("StorageClass", "STANDARD"),
    }


if __name__ == "__main__":
    print(json.dumps({"gs": google, "s3": amazon}[sys.argv[1]](*sys.argv[2:])))
