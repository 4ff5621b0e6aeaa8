"""Threads that work for as long as a block lasts."""

import threading
from typing import Self


class BlockThreads:
    """Starts its threads as the block begins; at its end they are told to stop, and awaited."""

    #: Seconds that each thread has to end.
    patience = 30

    def __init__(self, count: int):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(count)]

    def _run(self, index: int) -> None:
        """The work of a thread, until `_stop` is set."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(self.patience)
