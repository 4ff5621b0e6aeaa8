"""The calls of the witness: what each shape sends, what a backend answers, and what that has to be."""

UNARY, STREAM, UPLOAD, DOWNLOAD = SHAPES = ("unary", "stream", "upload", "download")
# Several times the window that a stream or a connection begins with, so that both have to be given anew.
BODY_SIZE = 300_000
# A window for a backend's connection that the witness's uploads don't fill: where they do, the Proxy has other calls go
# over another connection, and what is to be shared with the witness isn't.
WIDE = 1 << 24


def path(shape: str) -> str:
    return f"/witness.Witness/{shape}"


PATHS = {path(shape).encode(): shape for shape in SHAPES}


def downloaded(number: int) -> bytes:
    """The message that a download number `number` consists of: no two in a row are the same."""
    return number.to_bytes(4, "big") * (BODY_SIZE // 4)


def answer(shape: str, message: bytes) -> bytes:
    """The message that a backend answers a request of one message with."""
    if shape == UPLOAD:
        return str(len(message)).encode()
    return downloaded(int(message)) if shape == DOWNLOAD else message
