"""Verifies bundles with Sigstore's own verifier in Python, without network: a line of JSON for each line of input, which
names bundle, trust root (or null for the public-good one) and the digest of the file."""

import json
import sys

from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_models.common.v1 import HashAlgorithm

verifiers = {}


def verifier(root):
    if root not in verifiers:
        verifiers[root] = Verifier(trusted_root=TrustedRoot.from_file(root)) if root else Verifier.production(offline=True)
    return verifiers[root]


def verify(asked):
    with open(asked["bundle"], encoding="utf-8") as file:
        bundle = Bundle.from_json(file.read())
    signer = policy.Identity(identity=asked["identity"], issuer="https://token.actions.githubusercontent.com")
    if bundle._dsse_envelope is None:
        hashed = Hashed(digest=bytes.fromhex(asked["sha256"]), algorithm=HashAlgorithm.SHA2_256)
        verifier(asked["root"]).verify_artifact(hashed, bundle, signer)
    else:
        _, payload = verifier(asked["root"]).verify_dsse(bundle, signer)
        subjects = [subject["digest"].get("sha256") for subject in json.loads(payload)["subject"]]
        if asked["sha256"] not in subjects:
            raise ValueError("the statement is about other files")


for line in sys.stdin:
    asked = json.loads(line)
    try:
        verify(asked)
        print(json.dumps({"verified": True}))
    except Exception as error:
        print(json.dumps({"verified": False, "error": f"{type(error).__name__}: {error}"[:200]}))
