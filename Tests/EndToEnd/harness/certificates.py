"""Certificates for tests, made with openssl."""

import socket
import ssl
import subprocess
import threading
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
_RSA_KEY = ["-newkey", "rsa:2048", "-nodes"]

# TLS 1.2 suites by the kind of key: those that HTTP/2 allows, and of those that it forbids (RFC 9113, appendix A) one
# of each kind.
SOUND_SUITES = {
    "ec": ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    "rsa": ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"],
}
FORBIDDEN_SUITES = {
    # CBC with SHA-1, and CBC with SHA-2.
    "ec": ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"],
    # The same two; RSA key exchange with AEAD, and with CBC and SHA-1; all of them together.
    "rsa": [
        "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "AES128-GCM-SHA256", "AES256-SHA",
        "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:AES128-GCM-SHA256:AES256-SHA",
    ],
}
LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1"


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A certificate authority whose files are in `folder`: `NAME.pem` and `NAME.key`, its own and those of the
    certificates that it signs."""

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
        into: Path | None = None, key: str = "ec",
    ) -> "Certificate":
        """Signs a certificate; with negative `days` it has expired. `key` is `ec` or `rsa`."""
        folder = into or self.folder
        issued = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        kind = _RSA_KEY if key == "rsa" else _KEY
        _openssl("req", "-new", *kind, "-keyout", issued.key, "-out", request, "-subj", subject)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self._key, "-CAcreateserial", "-days", days,
            "-extfile", extensions, "-out", issued.pem,
        )
        return issued


class Certificate:
    """The files of a certificate and its key."""

    def __init__(self, pem: Path, key: Path):
        self.pem = pem
        self.key = key


SUITES = [(key, suite) for key, suites in SOUND_SUITES.items() for suite in suites]
NO_SUITES = [(key, suite) for key, suites in FORBIDDEN_SUITES.items() for suite in suites]


def openssl_client(address: str, authority: Path, suites: str, protocol: str = "h2") -> str:
    """The output of `openssl s_client` for a TLS 1.2 handshake with only these suites."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", address, "-servername", "localhost", "-CAfile", authority, "-tls1_2",
         "-cipher", suites, "-alpn", protocol],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=30,
    )
    return done.stdout


class SuiteServer:
    """A TLS 1.2 server with only the given suites: it makes a handshake, reports how that ended, sends `answer`, and
    closes."""

    def __init__(self, certificate: Certificate, suites: str, *, protocol: str | None = None, answer: bytes = b""):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate.pem, certificate.key)
        context.set_ciphers(suites)
        if protocol:
            context.set_alpn_protocols([protocol])
        # The suite of each handshake; None for one that failed.
        self.agreed: list[str | None] = []
        self._answer = answer
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(15)
            try:
                with self._context.wrap_socket(plain, server_side=True) as secured:
                    self.agreed.append(secured.cipher()[0])
                    if self._answer:
                        secured.recv(4096)
                        secured.sendall(self._answer)
            except (ssl.SSLError, OSError):
                self.agreed.append(None)

    def close(self) -> None:
        """Waits for the handshake under way, whose outcome is known only then."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._listener.close()
