# SPDX-License-Identifier: Apache-2.0
"""A published release in a data folder, as the service itself would leave it: for tests that need one to be there and
not how it came."""
import hashlib
import os
import sqlite3

import service

NOW = '2026-11-21T06:00:00Z'
JOB = '0123456789abcdef'


def seed(data, release, files, recipe='', details='{}'):
    """`files` is name → bytes, or a path whose digest is made up: what is large and full of holes is not read for it."""
    base = sqlite3.connect(data / 'catalog.sqlite')
    steps = sorted((service.SOURCE / 'server/catalog').glob('schema_*.sql'))
    for step in steps:
        base.executescript(step.read_text())
    base.execute(f'PRAGMA user_version = {len(steps)}')
    base.execute('INSERT INTO job VALUES (1,?,?,?,?,?,?,?,?,1,?,1,?,?)',
                 (JOB, 'build', 'done', '{"options":{}}', recipe, NOW, NOW, NOW, '', '', release))
    base.execute('INSERT INTO release VALUES (1,?,?,?,?,?)', (release, 'Tiny', NOW, JOB, details))
    folder = data / 'releases' / release
    folder.mkdir(parents=True)
    for name, content in files.items():
        by_path = not isinstance(content, bytes)
        digest = hashlib.sha256(str(content).encode() if by_path else content).hexdigest()
        md5 = hashlib.md5(b'' if by_path else content).hexdigest()
        stored = data / 'store' / digest[:2] / digest
        stored.parent.mkdir(parents=True, exist_ok=True)
        if by_path:
            os.rename(content, stored)
        else:
            stored.write_bytes(content)
        os.link(stored, folder / name)
        base.execute('INSERT INTO artifact VALUES (?,?,?,?,?,?,0,?,?)',
                     (release, name, name.removeprefix(release).split('.', 1)[-1], stored.stat().st_size, digest, md5, '', ''))
    base.commit()
    base.close()
    for path in [data, *data.rglob('*')]:
        os.chown(path, service.USER.pw_uid, service.USER.pw_gid)
