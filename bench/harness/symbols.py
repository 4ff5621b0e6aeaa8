"""Tells whose a function is, from its symbol and the file it is in."""

import re
from pathlib import Path

KERNEL = "kernel"
NGHTTP2 = "libnghttp2"
OWN = "our modules"
RUNTIME = "Swift runtime"
LIBC = "libc"
TLS = "TLS"
OTHER = "other"

CATEGORIES = [KERNEL, NGHTTP2, OWN, RUNTIME, LIBC, TLS, OTHER]

_LIBRARIES = [
    (r"^\[(kernel|guest|unknown)|\.ko\b|^\[\w+\]$", KERNEL),
    (r"libnghttp2", NGHTTP2),
    (r"libswift|lib_?Foundation|libdispatch|libBlocksRuntime", RUNTIME),
    (r"libssl|libcrypto", TLS),
    (r"libc[.-]|libm[.-]|ld-linux|libpthread|libgcc|libstdc\+\+|vdso|vgpreload|sigsuspend\.so", LIBC),
]


class Classifier:
    """Knows the modules of the repository."""

    def __init__(self, repository: Path) -> None:
        self._modules = {path.name for path in (repository / "Sources").iterdir() if path.is_dir()}

    def category(self, symbol: str, file: str) -> str:
        """`file` is the shared object or program, with or without its folder; may be empty."""
        name = file.rpartition("/")[2] if not file.startswith("[") else file
        for pattern, category in _LIBRARIES:
            if name and re.search(pattern, name):
                return category
        if module := self.module(symbol):
            # The standard library's generic code, specialized, is compiled into the program too.
            return OWN if module in self._modules else RUNTIME if module.startswith(("S", "s")) else OTHER
        if symbol.startswith("nghttp2_"):
            return NGHTTP2
        if symbol.startswith(("swift_", "_swift_", "swift::", "_dispatch", "dispatch_")):
            return RUNTIME
        if symbol.startswith(("SSL_", "CNIOBoringSSL", "EVP_", "CRYPTO_")):
            return TLS
        if symbol.startswith(("_dl_", "__", "malloc", "free", "mem")):
            return LIBC
        # C functions of the program itself: the shims of its own modules.
        return OWN if symbol.startswith("sluice_") else OTHER

    def module(self, symbol: str) -> str | None:
        """The module in a mangled Swift symbol: its name, `S...` for the standard library, None if it isn't one."""
        match = re.match(r"\$[sS]+e?(?:(\d+)(\w*)|([a-zA-Z]))", symbol)
        if match is None:
            return None
        if match[1] is None:
            # A specialization names the generic function's module first; take the last of ours that it names.
            named = [module for module in self._modules if f"{len(module)}{module}" in symbol]
            return named[0] if named else "S"
        return match[2][: int(match[1])]
