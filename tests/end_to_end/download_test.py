# SPDX-License-Identifier: Apache-2.0
"""`xenkiln download` against a real service whose catalog is filled by hand, and against catalogs that lie."""
import hashlib
import json
import os
import random
import resource
import subprocess
import threading
import time
import unittest

import http_test
import service
import web

RELEASE = http_test.RELEASE
BIG = f'{RELEASE}.xva.zst'


def release_files():
    """As a build leaves them, without the lists and signatures."""
    return {f'{RELEASE}.xva.zst': random.Random(1).randbytes(9 << 20), f'{RELEASE}.xva.xz': random.Random(2).randbytes(65536),
            f'{RELEASE}.ova.xml': b'<value/>', f'{RELEASE}.ks': b'# recipe\n', f'{RELEASE}.report.json': b'{}'}


class Key:
    def __init__(self, folder, name='signing-key.pem'):
        self.private, self.public = folder / name, folder / f'{name}.public'
        self.run('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', self.private)
        self.private.chmod(0o600)
        self.run('openssl', 'pkey', '-in', self.private, '-pubout', '-out', self.public)

    @staticmethod
    def run(*command, **more):
        return subprocess.run(command, check=True, capture_output=True, **more).stdout

    def sign(self, content):
        return self.run('openssl', 'dgst', '-sha256', '-sign', self.private, input=content)

    def fingerprint(self):
        return hashlib.sha256(self.run('openssl', 'pkey', '-pubin', '-in', self.public, '-outform', 'DER')).hexdigest()


def signed(files, key):
    for name, digest in (('SHA256SUMS', hashlib.sha256), ('MD5SUMS', hashlib.md5)):
        lists = ('SHA256SUMS', 'MD5SUMS', 'SHA256SUMS.sig', 'MD5SUMS.sig')
        text = ''.join(f'{digest(c).hexdigest()}  {n}\n' for n, c in sorted(files.items()) if n not in lists).encode()
        files = files | {name: text, f'{name}.sig': key.sign(text)}
    return files


class Download(unittest.TestCase):
    def setUp(self):
        self.folder = service.folder_of_user('download')
        self.addCleanup(service.remove, self.folder)
        self.to = self.folder / 'to'

    def download(self, *options, server=None, release=RELEASE):
        environment = {k: v for k, v in service.as_user()['env'].items() if not k.lower().endswith('_proxy')}
        return service.run_as_user([self.bin / 'xenkiln', 'download', release, '--server', server or self.server,
                                    '--to', self.to, *options], env=environment, timeout=60)

    def here(self):
        return {path.name: path.read_bytes() for path in self.to.iterdir()} if self.to.exists() else {}

    def done(self, files, *options, **more):
        told = self.download(*options, **more)
        self.assertEqual(told.returncode, 0, told)
        self.assertTrue(self.here() == files, (sorted(self.here()), sorted(files)))
        return told

    def refused(self, *options, says=(), left=(), **more):
        told = self.download(*options, **more)
        self.assertEqual(told.returncode, 1, told)
        for text in says:
            self.assertIn(text, told.stderr)
        self.assertEqual(sorted(self.here()), sorted(left))
        return told


class OfAService(Download):
    def setUp(self):
        super().setUp()
        self.service = service.Service()
        self.addCleanup(self.service.close)
        self.bin = self.service.bin
        self.key = Key(self.service.data)

    def start(self, files):
        http_test.seed(self.service.data, files)
        self.service.start()
        self.server = f'http://127.0.0.1:{self.service.port}'

    def stored(self, content):
        digest = web.sha256(content)
        return self.service.data / 'store' / digest[:2] / digest

    def test_names_that_cannot_be_printed_are_an_error_and_the_files_come_all_the_same(self):
        files = signed(release_files(), self.key)
        self.start(files)
        with open('/dev/full', 'w') as full:
            told = service.run_as_user([self.bin / 'xenkiln', 'download', RELEASE, '--server', self.server, '--to', self.to],
                                       capture_output=False, stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(told.returncode, 1, told)
        self.assertIn('xenkiln: standard output: No space left on device', told.stderr)
        self.assertTrue(self.here() == files)

    def test_a_disk_without_room_gets_no_file_of_the_release(self):
        self.start(signed(release_files(), self.key))
        self.to.mkdir(mode=0o777)
        self.to.chmod(0o777)
        script = ('mount -t tmpfs -o size=4m none "$0" || exit 77; "$@"; status=$?; '
                  'cd "$0"; echo "left:$(ls)"; exit $status')
        told = service.run_as_user(['unshare', '--map-root-user', '--mount', 'sh', '-c', script, self.to, self.bin / 'xenkiln',
                                    'download', RELEASE, '--server', self.server, '--to', self.to], timeout=60)
        if told.returncode == 77:
            self.skipTest(told.stderr)
        self.assertEqual((told.returncode, told.stdout), (1, 'left:\n'), told.stderr)
        self.assertIn('No space left on device', told.stderr)
        # A limit, unlike a full disk, shows only while the bytes come.
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        told = service.run_as_user([self.bin / 'xenkiln', 'download', RELEASE, '--server', self.server, '--to', self.to,
                                    '--format', 'xva.zst'], timeout=60,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard)))
        self.assertEqual(told.returncode, 1, told)
        self.assertIn('File too large', told.stderr)
        self.assertEqual([name for name in self.here() if not name.startswith('.')], [])

    def test_a_release_with_all_its_files(self):
        files = signed(release_files(), self.key)
        self.start(files)
        told = self.done(files, '--verify')
        self.assertIn(self.key.fingerprint(), told.stderr)
        self.assertIn('--key FILE pins it', told.stderr)
        self.assertEqual(sorted(told.stdout.split()), sorted(str(self.to / name) for name in files))
        Key.run('openssl', 'dgst', '-sha256', '-verify', self.key.public, '-signature', self.to / 'SHA256SUMS.sig', self.to / 'SHA256SUMS')
        Key.run('sha256sum', '-c', 'SHA256SUMS', cwd=self.to)
        # Once more: nothing is fetched again; a file that differs is kept unless it may be replaced.
        told = self.done(files, '--verify', '--key', self.key.public, server=self.server + '/')
        self.assertEqual(told.stdout, '')
        self.assertIn('is here already', told.stderr)
        self.assertNotIn('pins it', told.stderr)
        (self.to / BIG).write_bytes(b'mine')
        self.refused(says=[BIG, '--replace'], left=files)
        self.assertEqual((self.to / BIG).read_bytes(), b'mine')
        self.done(files, '--replace')

    def test_files_of_one_format(self):
        files = signed(release_files(), self.key)
        self.start(files)
        one = f'{RELEASE}.xva.xz'
        self.done({one: files[one]}, '--verify', '--format', 'xva.xz')
        self.done({name: files[name] for name in (one, f'{RELEASE}.ova.xml')}, '--format', 'xva.xz', '--format', 'ova.xml')
        self.refused('--format', 'vhd', says=['no file of the format vhd', 'xva.zst'], left=(one, f'{RELEASE}.ova.xml'))
        self.refused(release='none', says=['/v1/releases/none', '404'], left=(one, f'{RELEASE}.ova.xml'))
        for mistake in (('--key', self.key.public), ('--jobs', '0')):
            self.assertEqual(self.download(*mistake).returncode, 2)
        self.assertEqual(self.download(server='kiln.example').returncode, 2)
        self.assertEqual(self.download(release='../x').returncode, 2)

    def test_a_damaged_file_never_has_its_name(self):
        files = signed(release_files(), self.key)
        self.start(files)
        damaged = bytearray(files[BIG])
        damaged[1 << 20] ^= 1
        self.stored(files[BIG]).write_bytes(damaged)
        told = self.refused('--verify', '--format', 'xva.zst', says=[web.sha256(files[BIG]), web.sha256(damaged)])
        self.assertEqual(told.stdout, '')

    def test_what_the_signature_does_not_vouch_for_is_refused_before_it_is_fetched(self):
        good = signed(release_files(), self.key)
        other = Key(self.folder, 'other.pem')
        self.start(good)
        fingerprint = other.fingerprint()
        self.refused('--verify', '--key', other.public, says=['is not a signature of SHA256SUMS', fingerprint])
        (self.folder / 'junk.pem').write_bytes(b'junk')
        self.refused('--verify', '--key', self.folder / 'junk.pem', says=['not a public key in PEM'])
        rsa = self.folder / 'rsa.pem'
        rsa.write_bytes(Key.run('openssl', 'pkey', '-pubout', input=Key.run('openssl', 'genrsa', '2048')))
        self.refused('--verify', '--key', rsa, says=['not an ECDSA P-256 key'])

    def test_a_wrong_signature_or_list_is_refused(self):
        files = signed(release_files(), self.key)
        files['SHA256SUMS.sig'] = Key(self.folder, 'other.pem').sign(files['SHA256SUMS'])
        self.start(files)
        self.refused('--verify', says=['SHA256SUMS.sig is not a signature of SHA256SUMS'])
        self.done(files)    # without --verify the catalog's own digests are held to


class OfALiar(Download):
    @classmethod
    def setUpClass(cls):
        cls.bin = service.programs()
        cls.addClassCleanup(service.remove, cls.bin)

    def setUp(self):
        super().setUp()
        self.web = web.Web()
        self.addCleanup(self.web.close)
        self.server = self.web.url
        self.key = Key(self.folder)

    def catalog(self, files, listed=None, **changes):
        self.web.requests.clear()
        artifacts = [{'file_name': n, 'format': n.removeprefix(RELEASE + '.'), 'size': len(c), 'sha256': web.sha256(c)} | changes
                     for n, c in (listed or files).items()]
        answer = json.dumps({'name': RELEASE, 'artifacts': artifacts}).encode()
        self.web.paths[f'/v1/releases/{RELEASE}'] = web.file(answer)
        self.web.paths['/keys/signing.pem'] = web.file(self.key.public.read_bytes())
        for name, content in files.items():
            self.web.paths[f'/download/{RELEASE}/{name}'] = web.file(content, etag=f'"{web.sha256(content)}"')

    def test_names_sizes_and_digests_of_a_stranger(self):
        for changes, says in (({'file_name': '../x'}, 'not a plain file name'), ({'file_name': '/etc/x'}, 'not a plain file name'),
                              ({'file_name': '.bashrc'}, 'not a plain file name'), ({'file_name': 'a\nb'}, 'not a plain file name'),
                              ({'file_name': ''}, 'not a plain file name'), ({'file_name': 7}, 'file_name'),
                              ({'sha256': 'x'}, '64 hex digits'), ({'size': -1}, 'size'), ({'size': 1.5}, 'size'),
                              ({'size': 1 << 61}, 'left'), ({'size': 3}, '3 are the most')):
            self.catalog({'a': b'content'}, **changes)
            self.refused(says=[says])
        for answer in (b'', b'[]', b'{"artifacts":7}', b'{"artifacts":[7]}', b'[' * 100000, b'{' + b' ' * (5 << 20)):
            self.web.paths[f'/v1/releases/{RELEASE}'] = web.file(answer)
            self.refused()
        self.catalog({'a': b'content'}, file_name='same', listed={'a': b'x', 'b': b'y'})
        self.refused(says=['names same twice'])

    def test_a_list_that_is_signed_but_says_something_else(self):
        files = signed({'a': b'content'}, self.key)
        self.catalog(files | {'a': b'evil'})
        self.refused('--verify', says=[web.sha256(b'content'), web.sha256(b'evil')])
        self.catalog(files | {'b': b'more'})
        self.refused('--verify', says=['b is not in the signed SHA256SUMS'])
        self.catalog({'a': b'content'})
        self.refused('--verify', says=['has no SHA256SUMS'])
        for text in (b'junk\n', f'{"0" * 64}  ../a\n'.encode(), f'{"0" * 64}  a\n{"1" * 64}  a\n'.encode()):
            self.catalog(files | {'SHA256SUMS': text, 'SHA256SUMS.sig': self.key.sign(text)})
            self.refused('--verify', says=['SHA256SUMS: line '])

    def test_what_an_earlier_run_left_is_gone_on_with(self):
        content = random.Random(9).randbytes(5 << 20)
        self.catalog({'a': content})
        path = f'/download/{RELEASE}/a'
        self.web.paths[path] = web.file(content, etag='"e"', breaks=[2 << 20, 0])
        self.refused('--tries', '1', left=['.a.part', '.a.part.from'])
        self.assertEqual((self.to / '.a.part').stat().st_size, 2 << 20)
        self.web.paths[path] = web.file(content, etag='"e"')
        self.done({'a': content})
        self.assertEqual(self.web.asked(path)[-1].headers.get('range'), f'bytes={2 << 20}-')

    def test_a_large_file_comes_over_several_connections(self):
        content = random.Random(10).randbytes((40 << 20) + 12345)
        self.catalog({'a': content})
        path, busy, three = f'/download/{RELEASE}/a', [0], threading.Event()
        good = web.file(content, etag='"e"', breaks=[1 << 20, 3 << 20, 0, 8 << 20, 8 << 20, 100])

        def handler(request):
            with self.web.lock:
                busy[0] += 1
                if busy[0] == 3:
                    three.set()
            try:
                if request.headers.get('range'):    # all but the first, which asks what there is
                    three.wait(20)
                good(request)
            finally:
                with self.web.lock:
                    busy[0] -= 1
        self.web.paths[path] = handler
        self.done({'a': content}, '--jobs', '3')
        self.assertTrue(three.is_set(), 'there were never three connections at once')
        asked = self.web.asked(path)
        self.assertEqual({r.headers.get('if-range') for r in asked[1:]}, {'"e"'})
        self.assertIn(f'bytes={40 << 20}-{len(content) - 1}', [r.headers['range'] for r in asked[1:]])
        (self.to / 'a').unlink()
        self.web.requests.clear()
        self.web.paths[path] = web.file(content, etag='"e"')
        self.done({'a': content}, '--jobs', '1')
        self.assertEqual([r.headers.get('range') for r in self.web.asked(path)], [None])

    def test_ranges_that_are_promised_and_not_given(self):
        content = random.Random(14).randbytes(20 << 20)
        self.catalog({'a': content})
        path = f'/download/{RELEASE}/a'
        self.web.paths[path] = web.file(content, 'Accept-Ranges: bytes', etag='"e"', ranges=False)
        self.done({'a': content})
        self.assertIsNone(self.web.asked(path)[-1].headers.get('range'))

    def test_an_earlier_run_that_ended_behind_the_last_byte(self):
        content = random.Random(15).randbytes(1 << 20)
        self.catalog({'a': content})
        path = f'/download/{RELEASE}/a'
        self.to.mkdir()
        (self.to / '.a.part').write_bytes(content)
        source = web.sha256(f'{self.server}{path}'.encode())
        (self.to / '.a.part.from').write_text(f'xenkiln fetch 1\n{source}\n"{web.sha256(content)}"\n{len(content)}\n')
        for name in ('', '.a.part', '.a.part.from'):
            os.chown(self.to / name, service.USER.pw_uid, service.USER.pw_gid)
        self.done({'a': content})
        self.assertEqual([r.headers.get('range') for r in self.web.asked(path)], [f'bytes={len(content)}-'])

    def test_of_a_large_file_what_is_here_without_a_gap_survives_a_kill(self):
        content = random.Random(11).randbytes(64 << 20)
        self.catalog({'a': content})
        path, good, held = f'/download/{RELEASE}/a', web.file(content, etag='"e"'), threading.Event()

        def handler(request):
            if request.headers.get('range', '').startswith(f'bytes={24 << 20}-'):
                held.wait(30)    # the fourth part does not come, those behind it do
            else:
                good(request)
        self.web.paths[path] = handler
        process = subprocess.Popen([self.bin / 'xenkiln', 'download', RELEASE, '--server', self.server, '--to', self.to, '--jobs', '3'],
                                   stderr=subprocess.PIPE, **service.as_user())
        beside, until = self.to / '.a.part.from', time.monotonic() + 30
        while time.monotonic() < until and not (beside.exists() and beside.read_text().endswith(f'\n{24 << 20}\n')
                                                and len(self.web.asked(path)) >= 9):
            time.sleep(0.05)
        process.kill()
        process.communicate()
        held.set()
        self.assertEqual(sorted(self.here()), ['.a.part', '.a.part.from'])
        self.web.requests.clear()
        self.web.paths[path] = good
        self.done({'a': content})
        first = [request.first() for request in self.web.asked(path)]
        self.assertEqual(min(first), 24 << 20, 'what was here came again')

    def test_a_large_file_that_changes_meanwhile(self):
        first, then = random.Random(12).randbytes(40 << 20), random.Random(13).randbytes(40 << 20)
        self.catalog({'a': then})
        path = f'/download/{RELEASE}/a'
        old, new = web.file(first, etag='"e"'), web.file(then, etag='"f"')
        self.web.paths[path] = lambda r: (old if len(self.web.asked(path)) <= 4 else new)(r)
        self.done({'a': then})


if __name__ == '__main__':
    unittest.main(verbosity=2)
