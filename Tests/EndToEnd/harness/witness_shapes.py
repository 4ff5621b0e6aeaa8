"""The shapes of the witness's calls: what it sends, what a backend answers, and how the answer is checked."""

UNARY, STREAM, UPLOAD, DOWNLOAD = SHAPES = ("unary", "stream", "upload", "download")
# Several times the initial window of a stream or connection, so that both have to be credited.
BODY_SIZE = 300_000
# A window of a backend's connection that the witness's uploads don't fill. If they did, the Proxy would place other
# calls on another connection, and nothing would be shared with the witness.
WIDE = 1 << 24


def path(shape: str) -> str:
    return f"/witness.Witness/{shape}"


PATHS = {path(shape).encode(): shape for shape in SHAPES}


def downloaded(number: int) -> bytes:
    """The message that a download with number `number` consists of; no two in a row are the same."""
    return number.to_bytes(4, "big") * (BODY_SIZE // 4)


def answer(shape: str, message: bytes) -> bytes:
    """A backend's answer to a request of one message."""
    if shape == UPLOAD:
        return str(len(message)).encode()
    return downloaded(int(message)) if shape == DOWNLOAD else message
