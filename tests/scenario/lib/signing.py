"""Real entries, certificate and timestamp requests, by the openssl program."""
import base64
import hashlib
import json
import os
import subprocess
import time

SUBJECT = "signer@sigrelay.test"  # the built-in issuer's default identity


def openssl(*args, stdin=None, cwd=None):
    return subprocess.run(("openssl", *args), input=stdin, cwd=cwd, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def b64(data):
    return base64.b64encode(data).decode()


def compact(value):
    """RFC 8785, as far as what is here needs it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Entry:
    """A hashedrekord: what a client posts, and what the log makes of it."""

    def __init__(self, tree_id, digest, signature, verifier_pem):
        self.spec = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest}},
                "signature": {"content": b64(signature), "publicKey": {"content": b64(verifier_pem)}},
            },
        }
        self.posted = compact(self.spec)
        self.canonical = self.posted
        self.leaf = hashlib.sha256(b"\0" + self.canonical).hexdigest()
        self.id = f"{tree_id:016x}{self.leaf}"

    def reformat(self):
        """The same entry in other bytes."""
        self.posted = json.dumps(self.spec, indent=4).encode()


class Signer:
    """One key pair, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.key = os.path.join(folder, "key.pem")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        self.public = openssl("ec", "-in", self.key, "-pubout")
        self.count = 0

    def sign(self, data):
        return openssl("dgst", "-sha256", "-sign", self.key, stdin=data)

    def entry(self, tree_id, verifier=None):
        self.count += 1
        payload = f"artifact {self.count} {os.urandom(8).hex()}".encode()
        return Entry(tree_id, hashlib.sha256(payload).hexdigest(), self.sign(payload),
                     verifier or self.public)

    def certificate(self, seconds):
        """A certificate over the key that ends so many seconds from now."""
        folder = os.path.join(self.folder, f"ca{self.count}-{seconds}")
        os.makedirs(os.path.join(folder, "new"))
        with open(os.path.join(folder, "ca.cnf"), "w", encoding="ascii") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=new\n"
                    "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
                    "[req]\ndistinguished_name=n\nprompt=no\n[n]\nCN=near its end\n")
        open(os.path.join(folder, "index"), "w", encoding="ascii").close()
        with open(os.path.join(folder, "serial"), "w", encoding="ascii") as f:
            f.write("01\n")
        stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d)) for d in (-5, seconds)]
        openssl("req", "-new", "-key", self.key, "-config", "ca.cnf", "-out", "csr", cwd=folder)
        openssl("ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", self.key, "-in", "csr",
                "-startdate", stamp[0], "-enddate", stamp[1], "-notext", "-out", "cert", cwd=folder)
        return openssl("x509", "-in", "cert", cwd=folder)

    def certificate_request(self, token):
        """Fulcio v2's body."""
        proof = self.sign(SUBJECT.encode())
        return compact({
            "credentials": {"oidcIdentityToken": token},
            "publicKeyRequest": {
                "publicKey": {"algorithm": "ECDSA", "content": self.public.decode()},
                "proofOfPossession": b64(proof),
            },
        })

    def certificate_request_v1(self):
        """Fulcio v1's body; the token goes in the Authorization header."""
        der = openssl("ec", "-in", self.key, "-pubout", "-outform", "DER")
        return compact({"publicKey": {"content": b64(der), "algorithm": "ecdsa"},
                        "signedEmailAddress": b64(self.sign(SUBJECT.encode()))})

    def timestamp_request(self):
        return openssl("ts", "-query", "-sha256", "-digest", hashlib.sha256(os.urandom(8)).hexdigest(),
                       "-cert")
