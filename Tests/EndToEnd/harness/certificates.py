"""Certificates for tests, made with openssl."""

import subprocess
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1"


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """An authority with files in `folder`: `NAME.pem` and `NAME.key`, as those of the certificates that it signs."""

    def __init__(self, folder: Path, name: str = "ca"):
        self.folder = folder
        self.name = name
        self.pem = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl(
            "req", "-x509", *_KEY, "-days", "2", "-keyout", self._key, "-out", self.pem, "-subj", f"/CN=Test {name}"
        )

    def issue(
        self, name: str, *, subject: str = "/CN=localhost", names: str | None = LOCAL_NAMES, days: int = 2,
        into: Path | None = None,
    ) -> "Certificate":
        """Signs a certificate; one with negative `days` has expired."""
        folder = into or self.folder
        issued = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        _openssl("req", "-new", *_KEY, "-keyout", issued.key, "-out", request, "-subj", subject)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self._key, "-CAcreateserial", "-days", days,
            "-extfile", extensions, "-out", issued.pem,
        )
        return issued


class Certificate:
    """A certificate's and its key's files."""

    def __init__(self, pem: Path, key: Path):
        self.pem = pem
        self.key = key
