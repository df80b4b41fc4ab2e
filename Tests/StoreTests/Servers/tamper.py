"""Does something to an object with the vendor's own client, behind everybody's back; prints "done".

usage: tamper.py gs|s3 ENDPOINT BUCKET delete|cut|replace|add NAME
"""

import os
import sys


def changed(how, content):
    if how == "cut":
        return content[: len(content) // 2]
    return content[:-1] + bytes([content[-1] ^ 1])


def google(endpoint, bucket, how, name):
    os.environ["STORAGE_EMULATOR_HOST"] = endpoint
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    client = storage.Client(project="test", credentials=AnonymousCredentials())
    blob = client.bucket(bucket).blob(name)
    if how == "delete":
        blob.delete()
    elif how == "add":
        blob.upload_from_string(b"somebody else's")
    else:
        blob.reload()
        metadata = blob.metadata
        content = blob.download_as_bytes()
        blob = client.bucket(bucket).blob(name)
        blob.metadata = metadata
        blob.upload_from_string(changed(how, content))


def amazon(endpoint, bucket, how, name):
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    if how == "delete":
        client.delete_object(Bucket=bucket, Key=name)
    elif how == "add":
        client.put_object(Bucket=bucket, Key=name, Body=b"somebody else's")
    else:
        found = client.get_object(Bucket=bucket, Key=name)
        client.put_object(
            Bucket=bucket,
            Key=name,
            Body=changed(how, found["Body"].read()),
            Metadata=found["Metadata"],
        )


if __name__ == "__main__":
    {"gs": google, "s3": amazon}[sys.argv[1]](*sys.argv[2:])
    print("done", flush=True)
