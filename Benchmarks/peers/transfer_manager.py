#!/usr/bin/env python3
"""Google's own client, as its documentation has it for many files: transfer_manager with eight workers.

usage: transfer_manager.py thread|process plain|sha256 BUCKET DIRECTORY

With sha256 it notes that of each file as metadata, as upload does.
"""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client, transfer_manager

kind, extra, bucket, directory = sys.argv[1:]


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    client = Client(project="test", credentials=AnonymousCredentials())
    place = client.bucket(bucket)
    names = sorted(os.listdir(directory))
    pairs = [(os.path.join(directory, name), place.blob(name)) for name in names]
    if extra == "sha256":
        with ThreadPoolExecutor(8) as pool:
            for (_, blob), digest in zip(pairs, pool.map(sha256, [path for path, _ in pairs])):
                blob.metadata = {"sha256": digest}
    results = transfer_manager.upload_many(
        pairs, worker_type=getattr(transfer_manager, kind.upper()), max_workers=8,
        # As with ours: only where nothing is there, and each failure counts.
        skip_if_exists=True, raise_exception=True, upload_kwargs={"checksum": "auto"})
    if any(result is not None for result in results):
        sys.exit("something was not uploaded")


if __name__ == "__main__":
    main()
