"""The blue-green deployment behind scripts/deploy.sh: a new version on the idle color, a switch, a watch, a way back.

Needs Python 3.9 or newer with nothing but its standard library, Docker with Compose, and a curl that speaks HTTP/2.
"""
