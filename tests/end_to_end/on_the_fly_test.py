# SPDX-License-Identifier: Apache-2.0
"""A stored .xva.xz in every format over real HTTP, without a file in between: any range, and the whole,
equal what `xenkiln convert` writes; importers' raw sockets, resumed downloads, twenty clients at once."""
import hashlib
import http.client
import json
import lzma
import os
import pathlib
import random
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

import service

MIB = 1 << 20
RELEASE = 'fly-20261121-pvhvm'
LARGE = 'large-20261121-pvhvm'
UNPACKABLE = 'zst-20261121-pvhvm'
FRAMES, MEMBERS = 'frames-20261121-pvhvm', 'members-20261121-pvhvm'
FORMATS = ('raw', 'qcow2', 'vhd', 'xva')
RANGES = int(os.environ.get('XENKILN_RANGES', 1000))
SANITIZED = 'dev' in str(service.BUILT) or 'tsan' in str(service.BUILT)
# MiB. The cache has 96, each of at most three unpacking threads 8 to 24 more. Sanitizers add an eighth of all
# memory as shadow, keep 256 MiB of freed blocks before they use them again, and pad every block.
MEMORY_LIMIT = 1200 if SANITIZED else 300


def make_disk(path, every):
    """160 MiB: text in one megabyte of `every`, some noise, holes."""
    noise = random.Random(6)
    with open(path, 'wb') as disk:
        disk.truncate(160 * MIB + 512)
        disk.write(b'\x33\xc0' + noise.randbytes(430) + bytes(78) + b'\x55\xaa')
        for megabyte in range(1, 150, every):
            disk.seek(megabyte * MIB)
            line = noise.randbytes(48).hex().encode()
            disk.write((line * (MIB // len(line) + 1))[:MIB - megabyte * 512])
        disk.seek(90 * MIB)
        disk.write(noise.randbytes(4 * MIB))
        disk.seek(160 * MIB)
        disk.write(b'the end'.ljust(512, b'.'))


def seed(data, release, files):
    """Published releases, as the service itself would leave them: {name: (format, path, path of what it unpacks to)}."""
    base = sqlite3.connect(data / 'catalog.sqlite')
    if base.execute('PRAGMA user_version').fetchone()[0] == 0:
        steps = sorted((service.SOURCE / 'server/catalog').glob('schema_*.sql'))
        for step in steps:
            base.executescript(step.read_text())
        base.execute(f'PRAGMA user_version = {len(steps)}')
    now, job = '2026-11-21T06:00:00Z', hashlib.sha256(release.encode()).hexdigest()[:16]
    base.execute('INSERT INTO job (id,kind,state,request,recipe,created,started,finished,attempts,step,progress,error,'
                 'release) VALUES (?,?,?,?,?,?,?,?,1,?,1,?,?)',
                 (job, 'build', 'done', '{"options":{}}', '', now, now, now, '', '', release))
    base.execute('INSERT INTO release (name,title,created,build,details) VALUES (?,?,?,?,?)',
                 (release, 'Test', now, job, '{}'))
    for kind, path, plain in files:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        stored = data / 'store' / digest[:2] / digest
        stored.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, stored)
        image = plain.read_bytes() if plain else b''
        base.execute('INSERT INTO artifact (release,file_name,format,size,sha256,md5,image_size,image_sha256,image_md5)'
                     ' VALUES (?,?,?,?,?,?,?,?,?)',
                     (release, f'{release}.{kind}', kind, len(content), digest, hashlib.md5(content).hexdigest(),
                      len(image), hashlib.sha256(image).hexdigest() if plain else '',
                      hashlib.md5(image).hexdigest() if plain else ''))
    base.commit()
    base.close()
    for path in [data, *data.rglob('*')]:
        os.chown(path, service.USER.pw_uid, service.USER.pw_gid)


class OnTheFly(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = service.Service()
        cls.addClassCleanup(cls.service.close)
        cls.folder = service.folder_of_user('fly')
        cls.addClassCleanup(service.remove, cls.folder)
        # The second is larger, unpacked, than the service's cache of unpacked blocks.
        make_disk(cls.folder / 'disk.raw', 2)
        make_disk(cls.folder / 'large.raw', 1)
        cls.convert('disk.raw', 'stored.xva.xz', '--name', 'fly', '--compress', 'xz:0')
        cls.convert('disk.raw', 'stored.xva.zst', '--name', 'fly')
        cls.convert('disk.raw', 'stored.xva.gz', '--name', 'fly', '--compress', 'gzip:1')
        cls.convert('large.raw', 'large.xva.xz', '--name', 'large', '--compress', 'xz:0')
        cls.wanted = {kind: cls.converted('stored.xva.xz', kind) for kind in FORMATS}
        (cls.folder / 'plain.xva').write_bytes(lzma.decompress((cls.folder / 'stored.xva.xz').read_bytes()))
        seed(cls.service.data, RELEASE,
             [('xva.xz', cls.folder / 'stored.xva.xz', cls.folder / 'plain.xva'),
              ('xva.zst', cls.folder / 'stored.xva.zst', None)])
        seed(cls.service.data, LARGE, [('xva.xz', cls.folder / 'large.xva.xz', None)])
        # As another packs it: one frame, without a table.
        subprocess.run(['zstd', '-q', cls.folder / 'plain.xva', '-o', cls.folder / 'foreign.xva.zst'], check=True)
        seed(cls.service.data, UNPACKABLE, [('xva.zst', cls.folder / 'foreign.xva.zst', None)])
        seed(cls.service.data, FRAMES, [('xva.zst', cls.folder / 'stored.xva.zst', None)])
        seed(cls.service.data, MEMBERS, [('xva.zst', cls.folder / 'foreign.xva.zst', None),
                                         ('xva.gz', cls.folder / 'stored.xva.gz', None)])
        cls.service.start()

    def tearDown(self):
        self.assertEqual(self.service.request('GET', '/healthz', timeout=5)[0], 200)
        self.assertIsNone(self.service.process.poll(), self.service.log_tail())
        self.assertNotIn('broke off', self.service.log_tail(100000))

    @classmethod
    def convert(cls, source, target, *more):
        done = service.run_as_user([cls.service.bin / 'xenkiln', 'convert', cls.folder / source, cls.folder / target,
                                    '--quiet', *more], timeout=120)
        if done.returncode:
            raise AssertionError(done.stderr)

    @classmethod
    def converted(cls, source, kind):
        cls.convert(source, f'converted.{kind}', '--replace')
        return (cls.folder / f'converted.{kind}').read_bytes()

    def path(self, kind, release=RELEASE):
        return f'/v1/images/{release}/disk.{kind}'

    def url(self, path):
        return f'http://127.0.0.1:{self.service.port}{path}'

    def test_random_ranges_of_each_format_are_those_of_the_converted_file(self):
        for kind in FORMATS:
            noise, wanted = random.Random(kind), self.wanted[kind]
            connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=60)
            tags = set()
            for _ in range(RANGES):
                length = noise.randrange(1, 1 << noise.randrange(1, 17))
                first = noise.randrange(len(wanted))
                connection.request('GET', self.path(kind), headers={'Range': f'bytes={first}-{first + length - 1}'})
                answer = connection.getresponse()
                body = answer.read()
                self.assertEqual(answer.status, 206, body[:500])
                self.assertEqual(answer.getheader('Content-Range'),
                                 f'bytes {first}-{min(first + length, len(wanted)) - 1}/{len(wanted)}')
                if body != wanted[first:first + length]:
                    self.fail(f'{kind}: bytes {first}+{length} differ')
                tags.add(answer.getheader('ETag'))
            connection.close()
            self.assertEqual(len(tags), 1)

    def test_whole_downloads_are_the_converted_files(self):
        for kind in FORMATS:
            status, headers, body = self.service.request('GET', self.path(kind))
            self.assertEqual((status, int(headers['content-length'])), (200, len(body)))
            self.assertEqual(hashlib.sha256(body).hexdigest(), hashlib.sha256(self.wanted[kind]).hexdigest(), kind)
            self.assertNotIn('transfer-encoding', headers)
            self.assertNotIn('content-encoding', headers)
            self.assertIn(f'{RELEASE}.{kind}', headers['content-disposition'])
        self.assertEqual(self.service.leftovers(1), [])

    def test_other_tools_find_nothing_wrong(self):
        if not shutil.which('qemu-img'):
            self.skipTest('qemu-img is not installed')
        for kind, name in (('qcow2', 'qcow2'), ('vhd', 'vpc')):
            file = self.folder / f'judged.{kind}'
            file.write_bytes(self.service.request('GET', self.path(kind))[2])
            if kind == 'qcow2':
                subprocess.run(['qemu-img', 'check', '-q', '-f', name, file], check=True)
            compared = subprocess.run(['qemu-img', 'compare', '-f', name, '-F', 'raw', file, self.folder / 'disk.raw'],
                                      capture_output=True, text=True)
            self.assertEqual(compared.returncode, 0, compared.stdout + compared.stderr)

    def test_head_conditions_and_refusals(self):
        for kind in FORMATS:
            status, headers, body = self.service.request('HEAD', self.path(kind))
            self.assertEqual((status, body, int(headers['content-length'])), (200, b'', len(self.wanted[kind])))
            self.assertEqual(headers['accept-ranges'], 'bytes')
            tag = headers['etag']
            for headers, expected in (({'If-None-Match': tag}, 304), ({'If-None-Match': '"other"'}, 200),
                                      ({'Range': 'bytes=5-9', 'If-Range': tag}, 206),
                                      ({'Range': 'bytes=5-9', 'If-Range': '"other"'}, 200),
                                      ({'Range': f'bytes={len(self.wanted[kind])}-'}, 416)):
                if expected == 200:     # of the whole only the first bytes are wanted here
                    with socket.create_connection(('127.0.0.1', self.service.port), 20) as raw:
                        lines = ''.join(f'{name}: {value}\r\n' for name, value in headers.items())
                        raw.sendall(f'GET {self.path(kind)} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n'.encode())
                        self.assertTrue(raw.recv(15).startswith(b'HTTP/1.1 200'))
                    continue
                self.assertEqual(self.service.request('GET', self.path(kind), None, headers)[0], expected)
        for path, expected, named in (
                (self.path('vmdk'), 415, 'qcow2'), (self.path('raw') + '?disk=2', 404, '1 disk'),
                (self.path('raw') + '?disk=x', 400, 'disk'), ('/v1/images/none/disk.raw', 404, 'none'),
                (f'/v1/images/{RELEASE}/raw', 404, 'disk.'),
                (f'/v1/images/{UNPACKABLE}/disk.raw', 409, f'{UNPACKABLE}.xva.zst'),
                (f'/download/{UNPACKABLE}/{UNPACKABLE}.xva', 409, f'{UNPACKABLE}.xva.zst'),
                (f'/download/{RELEASE}/{RELEASE}.vhd', 404, 'nothing')):
            status, headers, body = self.service.request('GET', path)
            self.assertEqual((status, headers['content-type']), (expected, 'application/problem+json'), path)
            self.assertIn(named, json.loads(body)['detail'], path)
        status, headers, _ = self.service.request('POST', self.path('raw'))
        self.assertEqual((status, headers['allow']), (405, 'GET, HEAD, OPTIONS'))

    def test_frames_and_members_that_say_their_sizes_are_read_anywhere(self):
        for release, packed in ((FRAMES, 'stored.xva.zst'), (MEMBERS, 'stored.xva.gz')):
            unpack = ['zstd', '-dcq'] if packed.endswith('zst') else ['gzip', '-dc']
            plain = subprocess.run([*unpack, self.folder / packed], stdout=subprocess.PIPE, check=True).stdout
            for path, wanted in ((self.path('raw', release), self.wanted['raw']),
                                 (self.path('vhd', release), self.wanted['vhd']),
                                 (f'/download/{release}/{release}.xva', plain)):
                middle = len(wanted) // 2
                status, headers, body = self.service.request('GET', path, None, {'Range': f'bytes={middle}-{middle + 99999}'})
                self.assertEqual(status, 206, body[:500])
                self.assertEqual(headers['content-range'], f'bytes {middle}-{middle + 99999}/{len(wanted)}', path)
                self.assertTrue(body == wanted[middle:middle + 100000], path)
                self.assertTrue(self.service.request('GET', path)[2] == wanted, path)

    def test_a_broken_download_goes_on_where_it_ended(self):
        for kind in ('vhd', 'xva'):
            part = self.folder / f'part.{kind}'
            part.write_bytes(self.wanted[kind][:33_333_333])
            subprocess.run(['curl', '-sS', '--noproxy', '*', '-C', '-', '-o', part, self.url(self.path(kind))],
                           check=True, timeout=120)
            self.assertEqual(part.read_bytes(), self.wanted[kind], kind)

    def test_an_importing_host_gets_the_archive_until_the_end_of_its_socket(self):
        plain = (self.folder / 'plain.xva').read_bytes()
        for path, wanted in ((self.path('xva'), self.wanted['xva']), (f'/download/{RELEASE}/{RELEASE}.xva', plain)):
            with socket.create_connection(('127.0.0.1', self.service.port), 60) as raw:
                raw.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'.encode())
                head, _, body = raw.makefile('rb').read().partition(b'\r\n\r\n')
            self.assertTrue(head.startswith(b'HTTP/1.1 200 '), head)
            self.assertIn(b'connection: close', head.lower())
            self.assertNotIn(b'transfer-encoding', head.lower())
            self.assertEqual(len(body), len(wanted))
            self.assertEqual(body, wanted)
        # The tag of what was unpacked is its SHA256, which SHA256SUMS-like lists of others can name.
        self.assertIn(hashlib.sha256(plain).hexdigest().encode(), head)
        # A host stops reading behind the last block.
        with socket.create_connection(('127.0.0.1', self.service.port), 60) as raw:
            raw.sendall(f'GET {self.path("xva")} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            raw.recv(100_000)
        time.sleep(0.3)
        self.assertNotIn('ended:', self.service.log_tail())

    def test_twenty_clients_at_once_stay_within_the_memory_limit(self):
        failures, most = [], 0
        files = {kind: self.converted('large.xva.xz', kind) for kind in FORMATS}

        def load(number):
            kind = FORMATS[number % len(FORMATS)]
            wanted = files[kind]
            # Most begin at the beginning, some in the middle; some read slowly.
            first = 0 if number % 3 else number * len(wanted) // 20
            last = min(len(wanted), first + 40 * MIB) - 1
            try:
                connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=300)
                connection.request('GET', self.path(kind, LARGE), headers={'Range': f'bytes={first}-{last}'})
                answer, at = connection.getresponse(), first
                while part := answer.read(MIB):
                    if part != wanted[at:at + len(part)]:
                        raise AssertionError(f'{kind} differs near byte {at}')
                    at += len(part)
                    if number % 5 == 0:
                        time.sleep(0.01)
                if at != last + 1:
                    raise AssertionError(f'{kind} ended at byte {at} of {last + 1}')
                connection.close()
            except Exception as error:
                failures.append(f'client {number}: {error!r}')

        clients = [threading.Thread(target=load, args=(number,)) for number in range(20)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            status = pathlib.Path(f'/proc/{self.service.process.pid}/status').read_text()
            most = max(most, int(status.split('VmRSS:')[1].split()[0]) >> 10)
            self.assertEqual(self.service.request('GET', '/healthz', timeout=10)[0], 200)
            time.sleep(0.05)
        print(f'twenty clients: {most} MiB of memory at most')
        self.assertEqual(failures, [])
        self.assertLess(most, MEMORY_LIMIT)


if __name__ == '__main__':
    unittest.main(verbosity=2)
