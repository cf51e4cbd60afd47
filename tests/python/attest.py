"""Verifies envelopes with securesystemslib: attest.py PUBLIC_KEY < envelope or bundle > payload, or the error."""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives import serialization
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def main():
    with open(sys.argv[1], "rb") as file:
        public = serialization.load_pem_public_key(file.read())
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(der)
    document = json.load(sys.stdin)
    hint = None
    if "dsseEnvelope" in document:
        hint = document["verificationMaterial"]["publicKey"]["hint"]
        envelope = document["dsseEnvelope"]
        # This library goes by the id, which a bundle has elsewhere.
        assert all("keyid" not in signature for signature in envelope["signatures"])
        for signature in envelope["signatures"]:
            signature["keyid"] = digest.hexdigest()
    else:
        envelope = document
    envelope = Envelope.from_dict(envelope)
    key = SSlibKey.from_crypto(public, keyid=digest.hexdigest())
    try:
        envelope.verify([key], 1)
    except VerificationError as error:
        print(json.dumps({"error": str(error)}))
        return
    print(json.dumps({
        "type": envelope.payload_type,
        "hint_fits": hint is None or hint == base64.b64encode(digest.digest()).decode(),
        "payload": json.loads(envelope.payload),
    }))


main()
