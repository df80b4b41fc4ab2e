"""Prints the key file of a service account that exists nowhere, then, for each signed token on its
input, what Google's library reads in it, or an error."""

import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
public = key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
account = {
    "type": "service_account",
    "client_email": "robot@example.iam.gserviceaccount.com",
    "private_key_id": "key-1",
    "private_key": pem,
}
print(json.dumps(account), flush=True)
for line in sys.stdin:
    token = line.strip()
    try:
        crypt.RSAVerifier.from_string(public)
        claims = jwt.decode(token, certs=public, verify=False)
        signed, _, signature = token.rpartition(".")
        padded = signature + "=" * (-len(signature) % 4)
        import base64

        valid = crypt.RSAVerifier.from_string(public).verify(
            signed.encode(), base64.urlsafe_b64decode(padded)
        )
        print(json.dumps({"valid": valid, "claims": claims}), flush=True)
    except Exception as error:
        print(json.dumps({"error": str(error)}), flush=True)
