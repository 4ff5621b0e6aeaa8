#!/usr/bin/env python3
"""Writes the models in the folders beside this file, with scikit-learn's own answers, for the version that runs it.

    make_models.py [FAMILY…]

A family is a folder; cases_FAMILY.py says what is in it. make_models.sh runs this with each version of scikit-learn.
"""

import importlib
import sys
import warnings

import cases


def main():
    warnings.simplefilter("ignore")
    families = sys.argv[1:] or sorted(path.stem.removeprefix("cases_") for path in cases.FOLDER.glob("cases_*.py"))
    for family in families:
        cases.write(family, importlib.import_module(f"cases_{family}").cases())


if __name__ == "__main__":
    main()
