"""The end-to-end tests' harness: processes, gRPC and raw HTTP/2 peers, and a client of the admin API."""
