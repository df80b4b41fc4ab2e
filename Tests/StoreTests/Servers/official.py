"""What the vendor's own library makes of the same files and variables, against the same server: one line
of JSON for each line of its input.

Each line: {"kind": "gs"|"s3", "environment": {…}, "server": URL}
"""

import json
import os
import sys

HERE = dict(os.environ)


def google(server):
    import google.auth
    import google.auth.transport.requests
    from google.auth import iam, impersonated_credentials
    from google.auth.compute_engine import _metadata
    from google.oauth2 import credentials

    # Addresses that these files do not name.
    credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT = server + "/token"
    iam._IAM_ENDPOINT = (
        server + "/v1/projects/-/serviceAccounts/{}:generateAccessToken"
    )
    impersonated_credentials.iam._IAM_ENDPOINT = iam._IAM_ENDPOINT
    # Read when the module was.
    _metadata._GCE_METADATA_HOST = os.environ.get("GCE_METADATA_HOST")
    os.environ["GCE_METADATA_IP"] = os.environ.get("GCE_METADATA_HOST", "127.0.0.1:1")
    found, _ = google.auth.default(
        scopes=["https://www.googleapis.com/auth/devstorage.read_write"]
    )
    found.refresh(google.auth.transport.requests.Request())
    return {"token": found.token}


def amazon(_):
    import botocore.session

    found = botocore.session.Session().get_credentials().get_frozen_credentials()
    return {
        "key": found.access_key,
        "secret": found.secret_key,
        "token": found.token,
    }


for line in sys.stdin:
    wanted = json.loads(line)
    os.environ.clear()
    os.environ.update({"PATH": HERE.get("PATH", "/usr/bin:/bin"), "NO_PROXY": "127.0.0.1"})
    os.environ.update(wanted["environment"])
    try:
        result = {"gs": google, "s3": amazon}[wanted["kind"]](wanted["server"])
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)
