"""What the end-to-end tests are made of: processes, gRPC and raw HTTP/2 peers, and the admin API's client."""
