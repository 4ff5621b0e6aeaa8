"""The replacement of the Proxy behind scripts/upgrade.sh: a new container takes over from the old one.

Needs Python 3.9 or newer with only its standard library, and Docker with Compose.
"""
