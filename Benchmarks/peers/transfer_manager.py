#!/usr/bin/env python3
"""Google's own client, as its documentation has it for many files: transfer_manager with eight workers.

usage: transfer_manager.py thread|process auto|md5 BUCKET DIRECTORY
"""

import os
import sys

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client, transfer_manager

kind, checksum, bucket, directory = sys.argv[1:]


def main():
    client = Client(project="test", credentials=AnonymousCredentials())
    results = transfer_manager.upload_many_from_filenames(
        client.bucket(bucket), sorted(os.listdir(directory)), source_directory=directory,
        worker_type=getattr(transfer_manager, kind.upper()), max_workers=8,
        # As with ours: only where nothing is there, and each failure counts.
        skip_if_exists=True, raise_exception=True,
        upload_kwargs={"checksum": checksum})
    if any(result is not None for result in results):
        sys.exit("something was not uploaded")


if __name__ == "__main__":
    main()
