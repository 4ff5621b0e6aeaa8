"""The container tests' harness: the stack, and load on it."""
