"""Signs the requests on its input (JSON, one a line) with botocore, and prints the Authorization."""

import datetime
import json
import sys

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

for line in sys.stdin:
    wanted = json.loads(line)
    moment = datetime.datetime.strptime(wanted["time"], "%Y%m%dT%H%M%SZ")
    auth.get_current_datetime = lambda remove_tzinfo=True: moment
    signer = auth.S3SigV4Auth(
        Credentials("AKIDEXAMPLE", "canary-secret", wanted["token"]), "s3", wanted["region"]
    )
    request = AWSRequest(
        method=wanted["method"],
        # Over http, botocore always signs the body's hash, as we always do.
        url="http://" + wanted["host"] + wanted["path"],
        params=dict(wanted["query"]),
        headers=dict(wanted["headers"]),
        data=wanted["body"].encode(),
    )
    signer.add_auth(request)
    print(json.dumps({"authorization": request.headers["Authorization"]}), flush=True)
