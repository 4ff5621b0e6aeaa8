"""The benchmark's harness: starts proxies, loads them with the driver, and writes down what they cost."""
