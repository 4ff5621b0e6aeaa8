"""What the container tests are made of: the stack, and load on it."""
