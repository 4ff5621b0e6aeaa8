"""What the tests of whole deployments are made of: a host without Docker."""
