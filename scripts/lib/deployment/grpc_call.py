"""A unary gRPC call with curl, so that a host needs no gRPC library to check a deployment."""

from __future__ import annotations

import subprocess
import tempfile
import urllib.parse
from pathlib import Path

_UNIMPLEMENTED = "12"


class CallFailed(Exception):
    """A call without an answer, or with a status other than OK; says why."""

    def __init__(self, message: str, is_unimplemented: bool = False):
        """`is_unimplemented`: the server answers, and does not know the method."""
        super().__init__(message)
        self.is_unimplemented = is_unimplemented


def unary(address: str, method: str, message: bytes, timeout: float) -> bytes:
    """Calls `package.Service/Method` at HOST:PORT, or at https://HOST:PORT with TLS; returns the answer's message.

    The certificate is not verified: the call goes to this host, and the certificate is for the name that clients use.
    """
    is_tls = address.startswith("https://")
    url = f"{address}/{method}" if is_tls else f"http://{address}/{method}"
    protocol = ["--http2", "--insecure"] if is_tls else ["--http2-prior-knowledge"]
    with tempfile.TemporaryDirectory() as folder:
        request, headers, body = (Path(folder) / name for name in ("request", "headers", "body"))
        request.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        command = [
            "curl", "--silent", "--show-error", "--noproxy", "*", *protocol,
            "--max-time", f"{timeout:g}", "--request", "POST",
            "--header", "content-type: application/grpc", "--header", "te: trailers",
            "--header", f"grpc-timeout: {int(timeout * 1000)}m",
            "--data-binary", f"@{request}", "--dump-header", str(headers), "--output", str(body),
            url,
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise CallFailed(
                f"{method} at {address}: {result.stderr.strip() or f'curl ended with {result.returncode}'}"
            )
        dump = headers.read_text(encoding="latin-1")
        fields = _fields(dump)
        status = fields.get("grpc-status")
        if status is None:
            http = (dump.split(maxsplit=2) + ["", "no status"])[1]
            # gRPC's table of HTTP statuses makes UNIMPLEMENTED of 404.
            raise CallFailed(f"{method} at {address}: HTTP {http} without a grpc-status", http == "404")
        if status != "0":
            message_text = urllib.parse.unquote(fields.get("grpc-message", ""))
            raise CallFailed(f"{method} at {address}: grpc-status {status}: {message_text}", status == _UNIMPLEMENTED)
        answer = body.read_bytes()
    if len(answer) < 5 or answer[0] != 0 or int.from_bytes(answer[1:5], "big") != len(answer) - 5:
        raise CallFailed(f"{method} at {address}: the answer is not one uncompressed message")
    return answer[5:]


def _fields(dump: str) -> dict[str, str]:
    """Headers and trailers as curl dumps them; of equal names the last one counts."""
    found = {}
    for line in dump.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
