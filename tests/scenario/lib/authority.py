"""A certificate authority of a scenario's own, with a server's and clients' certificates."""
import os
import ssl
import warnings

from .signing import openssl


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.name = name
        self.cert = self.path(name + ".pem")
        self.key = self.path(name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.cert, "-days", "2", "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, alternative="IP:127.0.0.1"):
        """(certificate, key), both PEM files."""
        cert, key, request = self.path(name + ".pem"), self.path(name + ".key"), self.path(name + ".csr")
        extensions = self.path(name + ".ext")
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName={alternative}\nbasicConstraints=CA:FALSE\n"
                    "extendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-days", "2",
                "-extfile", extensions, "-out", cert)
        return cert, key

    def context(self, certificate=None, most=None):
        """For a client that trusts this authority."""
        c = ssl.create_default_context(cafile=self.cert)
        c.check_hostname = False
        if certificate:
            c.load_cert_chain(*certificate)
        if most:
            with warnings.catch_warnings():  # of what is old
                warnings.simplefilter("ignore")
                c.minimum_version = ssl.TLSVersion.TLSv1
                c.maximum_version = most
            c.set_ciphers("ALL:@SECLEVEL=0")  # else the client itself offers nothing older than 1.2
        return c
