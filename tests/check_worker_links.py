#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the worker program to what it must not have: no code of the signing key, of the store, of publishing or of the
catalog is linked into it, so that whoever takes a worker over finds no function to call. The service's program, which
has them all, shows that this would be seen."""
import os
import pathlib
import re
import subprocess
import sys

MUST_NOT_HAVE = (r'\bserver::publish::SigningKey::', r'\bserver::publish::publish_release\(', r'\bserver::store::Store::',
                 r'\bserver::catalog::Catalog::open\(', r'\bPEM_read_bio_PrivateKey\b', r'\bPEM_write_bio_PrivateKey\b',
                 r'\bEVP_DigestSign', r'\bsqlite3_open_v2\b')
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.environ['XENKILN_BIN'])


def symbols(program):
    """Its own, and those it asks libraries for; a stripped program has the latter only."""
    return ''.join(subprocess.run(['nm', *options, folder / program], capture_output=True, text=True, check=True).stdout
                   for options in (['-C'], ['-C', '-D']))


def found_in(program):
    told = symbols(program)
    return [pattern for pattern in MUST_NOT_HAVE if re.search(pattern, told)]


problems = [f'xenkiln-worker has {pattern}' for pattern in found_in('xenkiln-worker')]
problems += [f'{pattern} is not found in xenkiln-main either: this test sees nothing'
             for pattern in set(MUST_NOT_HAVE) - set(found_in('xenkiln-main'))]
print('\n'.join(sorted(problems)))
sys.exit(bool(problems))
