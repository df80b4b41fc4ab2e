"""Runs an emulated store on a free port, prints the port, and ends when its input does.

usage: serve.py gs|s3 BUCKET
"""

import json
import os
import sys
import threading
from http import HTTPStatus

# Ends of other tests' pipes that came along, and that would stay open as long as this runs.
os.closerange(3, 4096)


def google(bucket):
    from gcp_storage_emulator.exceptions import NotFound
    from gcp_storage_emulator.handlers import objects

    # The emulator knows no preconditions. What Cloud Storage does is small: 412 where the generation
    # is another one (0 for none), when an upload begins and when it would be completed.
    # https://cloud.google.com/storage/docs/request-preconditions
    def guarded(handler):
        def handle(request, response, storage, *args, **kwargs):
            expected = request.query.get("ifGenerationMatch", [None])[0]
            if expected is not None:
                request.data  # The body has to be read before the answer.
                try:
                    found = storage.get_file_obj(
                        request.params["bucket_name"], request.query["name"][0]
                    )["generation"]
                except NotFound:
                    found = "0"
                if found != expected:
                    response.status = HTTPStatus.PRECONDITION_FAILED
                    response.json({"error": {"code": 412, "message": "conditionNotMet"}})
                    return None
            return handler(request, response, storage, *args, **kwargs)

        return handle

    objects.insert = guarded(objects.insert)
    objects.upload_partial = guarded(objects.upload_partial)

    # It gives all at once and in any order; Cloud Storage gives pages, by the bytes of the names.
    # https://cloud.google.com/storage/docs/json_api/v1/objects/list
    def listing(request, response, storage, *args, **kwargs):
        def query(name, default):
            return request.query.get(name, [default])[0]

        try:
            found, _ = storage.get_file_list(
                request.params["bucket_name"], query("prefix", None)
            )
        except NotFound:
            response.status = HTTPStatus.NOT_FOUND
            return
        found = sorted(found, key=lambda item: item["name"].encode())
        start, count = int(query("pageToken", 0)), int(query("maxResults", 1000))
        page = {"kind": "storage#objects", "items": found[start : start + count]}
        if start + count < len(found):
            page["nextPageToken"] = str(start + count)
        response.json(page)

    objects.ls = listing

    from gcp_storage_emulator import server

    server.server.HTTPServer.request_queue_size = 128
    emulator = server.create_server("127.0.0.1", 0, in_memory=True, default_bucket=bucket)
    emulator.start()
    return emulator._api._httpd.server_address[1]


def amazon(bucket):
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    app = DomainDispatcherApplication(create_backend_app)
    lock = threading.Lock()

    # S3 looks at a precondition and writes in one step; moto does so only one request at a time.
    def one_at_a_time(environ, start_response):
        with lock:
            return app(environ, start_response)

    server = make_server(
        "127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=MotoRequestHandler
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()

    import boto3

    boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_bucket(Bucket=bucket)
    return server.port


if __name__ == "__main__":
    port = {"gs": google, "s3": amazon}[sys.argv[1]](sys.argv[2])
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.read()
    # Threads of servers may be in the middle of something that nobody waits for any more.
    os._exit(0)
