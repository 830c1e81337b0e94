# SPDX-License-Identifier: Apache-2.0
"""Who can read what. While a service works, and after it, another user of the machine can read nothing in its data
folder but the public key, and no password stands in a log, in events or in what a job leaves. The service, its worker
and a conversion are the real ones; the builds' worker is one that tells what it knows."""
import json
import os
import pathlib
import pwd
import random
import sqlite3
import stat
import subprocess
import unittest

import seeded
import service

RELEASE = 'sources-20261121'
SECRET = 'planted-passw0rd'
RECIPE = (service.SOURCE / 'tests/data/recipes/tiny.ks').read_text().replace(
    'rootpw --lock', f"rootpw --plaintext {SECRET}-1\nuser --name=ada --pass='{SECRET} 2' --plaintext")
SECRETS = (f'{SECRET}-1', f'{SECRET} 2')
# Stands before the real worker: tells everything of a build, hands a conversion on.
WORKER = '''#!/bin/sh
if ! [ -e "$1/recipe.ks" ]; then exec "$0-real" "$1"; fi
cat "$1/recipe.ks" >&2
while IFS= read -r line; do echo "{\\"log\\":\\"$line\\"}"; done < "$1/recipe.ks"
cp "$1/recipe.ks" "$1/plan.json"
umask >&2
mkdir "$1/out" && echo product > "$1/out/product"
read -r end < "$1/../../go"
echo '{"error":"it knew PASSWORD-1"}' | sed 's/PASSWORD/planted-passw0rd/'
exit 1
'''
PUBLIC = {'signing-key.pub.pem'}


def readable_by_others(data):
    """What `find -perm /044` finds, and as root what user nobody really opens."""
    found = {os.path.relpath(folder, data) if not name else os.path.relpath(os.path.join(folder, name), data)
             for folder, _, names in os.walk(data) for name in ('', *names)
             if stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode) & 0o044}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam('nobody')
        script = ('import os, sys\nfor path in sys.stdin.read().split("\\0"):\n'
                  ' try: os.listdir(path) if os.path.isdir(path) else open(path, "rb").close()\n'
                  ' except OSError: continue\n'
                  ' print(path)')
        everything = [os.path.join(folder, name) for folder, _, names in os.walk(data) for name in ('', *names)
                      if not stat.S_ISFIFO(os.lstat(os.path.join(folder, name)).st_mode)]
        opened = subprocess.run(['python3', '-c', script], input='\0'.join(everything), text=True, check=True,
                                capture_output=True, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd='/')
        found |= {os.path.relpath(path, data) for path in opened.stdout.splitlines()}
    return found


class Readers(unittest.TestCase):
    def start(self, umask=0o022):
        self.service = service.Service()
        self.addCleanup(self.service.close)
        worker = self.service.bin / 'xenkiln-worker'
        worker.rename(worker.with_name('xenkiln-worker-real'))
        worker.write_text(WORKER)
        worker.chmod(0o755)
        old = os.umask(umask)
        try:
            seeded.seed(self.service.data, RELEASE, {'disk.raw': random.Random(1).randbytes(1 << 20)}, RECIPE)
            self.gate = self.service.data / 'go'
            os.mkfifo(self.gate, 0o600)
            os.chown(self.gate, service.USER.pw_uid, service.USER.pw_gid)
            self.assertIn('catalog.sqlite', readable_by_others(self.service.data), 'as an earlier release left it')
            self.service.start()
        finally:
            os.umask(old)
        return self.service

    def told_by_http(self, build, kind='builds'):
        return b''.join(self.service.request('GET', f'/v1/{kind}/{build}{part}')[2] for part in ('', '/log', '/events'))

    def assert_told_nothing(self, text, where):
        for secret in SECRETS:
            self.assertNotIn(secret.encode(), text, where)

    def test_another_user_reads_the_public_key_and_nothing_else(self):
        running = self.start()
        data = running.data
        self.assertIn('could be read by other users', running.log_tail(), 'what was mended is said')
        status, _, reply = running.request('PUT', '/v1/recipes/mine', RECIPE, {'Content-Type': 'text/x-kickstart'})
        self.assertEqual(status, 201, reply)
        status, _, reply = running.request('POST', '/v1/conversions', json.dumps(
            {'source': {'artifact': {'release': RELEASE, 'file_name': 'disk.raw'}}, 'name': 'made',
             'outputs': [{'format': 'qcow2'}, {'format': 'xva', 'compression': 'xz'}]}),
            {'Content-Type': 'application/json'})
        self.assertEqual(status, 202, reply)
        conversion = json.loads(reply)['id']
        made = running.done(conversion, kind='conversions')['release']
        status, _, whole = running.request('GET', f'/download/{made}/SHA256SUMS')
        self.assertEqual(status, 200, 'what is published is read over HTTP')

        build = running.submit(RECIPE, name='told')
        with open(self.gate, 'w') as gate:   # opens when the worker waits at it: in the middle of the job
            self.assertTrue((data / 'jobs' / build / 'recipe.ks').exists())
            self.assertTrue((data / 'jobs' / build / 'out/product').exists())
            self.assertTrue((data / 'catalog.sqlite-wal').exists())
            self.assertEqual(readable_by_others(data), PUBLIC)
            gate.write('on\n')
        job = running.wait(build)
        self.assertEqual((job['state'], job['error']), ('failed', 'it knew (removed)'))
        told = self.told_by_http(build)
        self.assertIn(b'rootpw --plaintext (removed)', told)
        self.assert_told_nothing(told, 'what everybody may ask for')

        self.assertEqual(running.leftovers(), [])
        self.assertEqual(readable_by_others(data), PUBLIC)
        for job in (build, conversion):
            self.assertEqual({path.name for path in (data / 'jobs' / job).iterdir()}, {'log.txt', 'events.jsonl'})
        running.stop()
        self.assertEqual(readable_by_others(data), PUBLIC)
        for path in data.rglob('*'):
            if path.is_file() and path.name != 'catalog.sqlite':
                self.assert_told_nothing(path.read_bytes(), path)
        base = sqlite3.connect(data / 'catalog.sqlite')
        rows = base.execute('SELECT * FROM job WHERE id = ?', (build,)).fetchall()
        stored = base.execute('SELECT text FROM recipe').fetchall()
        base.close()
        self.assertEqual(len(rows), 1)
        self.assert_told_nothing(repr(rows).encode(), 'the row of the job')
        self.assertIn(SECRETS[0], stored[0][0], 'what is stored to be opened by its token stays whole')

    def test_workers_and_their_files_are_closed_whatever_the_services_umask_was(self):
        running = self.start(umask=0)
        build = running.submit(RECIPE, name='open')
        with open(self.gate, 'w') as gate:
            self.assertEqual(readable_by_others(running.data), PUBLIC)
            gate.write('on\n')
        running.wait(build)
        self.assertIn('0077', running.build_log(build).split('\n'))


if __name__ == '__main__':
    unittest.main(verbosity=2)
