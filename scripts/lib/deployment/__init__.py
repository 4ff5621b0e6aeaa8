"""The blue-green deployment behind scripts/deploy.sh: new version on the idle color, switch, watch, rollback.

Needs Python 3.9 or newer with only its standard library, Docker with Compose, and a curl that speaks HTTP/2.
"""
