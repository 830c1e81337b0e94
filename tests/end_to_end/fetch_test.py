# SPDX-License-Identifier: Apache-2.0
"""Images and recipes from http addresses: servers that lie, break off, change their mind or never end, and addresses
that nobody may be led to. Those are tried in a network of the test's own, fetch_addresses.py."""
import json
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

import service
import web

DISK = random.Random(6).randbytes(3 << 20)
OTHER = random.Random(7).randbytes(3 << 20)


class Fetch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = service.programs()
        cls.addClassCleanup(service.remove, cls.bin)

    def setUp(self):
        self.folder = service.folder_of_user('fetch')
        self.addCleanup(service.remove, self.folder)
        self.spool = self.folder / 'spool'
        self.spool.mkdir()
        self.spool.chmod(0o777)
        self.web = web.Web()
        self.addCleanup(self.web.close)

    def xenkiln(self, *arguments, proxies=None, **more):
        environment = {k: v for k, v in service.as_user()['env'].items() if not k.lower().endswith('_proxy')} | (proxies or {})
        return service.run_as_user([self.bin / 'xenkiln', *arguments], **({'env': environment, 'timeout': 60} | more))

    def fetch(self, path, *options, **more):
        """What `convert` of that path does, and the bytes that came."""
        out = self.folder / f'out{random.randrange(1 << 40)}.raw'
        url = path if '://' in path else self.web.url + path
        told = self.xenkiln('convert', url, out, '--spool', self.spool, *options, **more)
        self.assertEqual(list(self.spool.iterdir()), [], 'something is left in the spool folder')
        return told, out.read_bytes() if out.exists() else None

    def refused(self, path, *options, says=(), never=(), **more):
        told, content = self.fetch(path, *options, **more)
        self.assertEqual((told.returncode, content), (1, None), told)
        for text in says:
            self.assertIn(text, told.stderr)
        for text in never:
            self.assertNotIn(text, told.stderr)
        return told.stderr

    def taken(self, path, *options, content=DISK):
        told, got = self.fetch(path, *options)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertTrue(got == content, f'{len(got)} other bytes')
        return told.stderr

    # -- good servers -------------------------------------------------------------------------------
    def test_every_command_on_images_takes_an_address(self):
        self.web.paths['/d/disk.raw'] = web.file(DISK)
        url = self.web.url + '/d/disk.raw'
        said = self.taken('/d/disk.raw?key=secret', '--sha256', web.sha256(DISK).upper())
        self.assertIn(f'note: fetched {len(DISK)} bytes from {url}?… into {self.spool}, SHA-256 {web.sha256(DISK)}', said)
        self.assertNotIn('secret', said)
        told = self.xenkiln('inspect', url, '--json', '--spool', self.spool)
        self.assertEqual(json.loads(told.stdout)['disks'][0]['virtual_size'], len(DISK), told)
        self.assertIn('1 0 ', self.xenkiln('map', url).stdout)
        self.assertIn('no errors', self.xenkiln('check', url).stdout)
        self.web.paths['/other.raw'] = web.file(OTHER)
        self.assertIn('same content', self.xenkiln('compare', url, url, '--sha256-b', web.sha256(DISK)).stdout)
        told = self.xenkiln('compare', url, self.web.url + '/other.raw')
        self.assertEqual(told.returncode, 1)
        self.assertIn('different: disk 1 at byte 0', told.stdout)
        for request in self.web.requests:
            self.assertEqual((request.method, request.headers.get('accept-encoding')), ('GET', 'identity'))

    def test_the_address_names_the_machine_of_an_xva(self):
        self.web.paths['/d/web.raw'] = web.file(DISK)
        told = self.xenkiln('convert', self.web.url + '/d/web.raw?x=/y.z', self.folder / 'out.xva', '--quiet')
        self.assertEqual((told.returncode, told.stderr), (0, ''))
        told = self.xenkiln('inspect', self.folder / 'out.xva', '--json')
        self.assertEqual(json.loads(told.stdout)['hardware']['name'], 'web')

    def test_a_recipe_comes_from_an_address(self):
        recipe = b'nosuchcommand\n'
        self.web.paths['/r/x.ks'] = web.file(recipe)
        url = self.web.url + '/r/x.ks'
        told = self.xenkiln('build', url, '--output', self.folder / 'built')
        self.assertEqual(told.returncode, 1)
        self.assertIn(f'{url}:1: ', told.stderr)
        told = self.xenkiln('build', url, '--output', self.folder / 'built', '--sha256', web.sha256(b'other'))
        self.assertEqual(told.returncode, 1)
        self.assertIn(web.sha256(recipe), told.stderr)
        self.web.paths['/r/x.ks'] = web.file(b'#' * (5 << 20))
        told = self.xenkiln('build', url, '--output', self.folder / 'built')
        self.assertIn('it has more than 4194304 bytes', told.stderr)

    def test_a_digest_must_match_and_both_are_named(self):
        self.web.paths['/disk.raw'] = web.file(OTHER)
        self.refused('/disk.raw', '--sha256', web.sha256(DISK), says=[web.sha256(DISK), web.sha256(OTHER)])
        self.refused('/disk.raw', '--sha256', 'abc', says=["'abc' is not a SHA-256"])
        told = self.xenkiln('convert', '/dev/null', self.folder / 'x.raw', '--sha256', web.sha256(DISK))
        self.assertEqual(told.returncode, 2)

    # -- broken connections -------------------------------------------------------------------------
    def test_a_broken_connection_is_made_again_and_gone_on_with(self):
        self.web.paths['/disk.raw'] = web.file(DISK, breaks=[1000000, 1000000, 500000])
        self.taken('/disk.raw', '--sha256', web.sha256(DISK))
        asked = self.web.asked('/disk.raw')
        self.assertEqual([r.headers.get('range') for r in asked],
                         [None, 'bytes=1000000-', 'bytes=2000000-', 'bytes=2500000-'])
        self.assertEqual([r.headers.get('if-range') for r in asked], [None, '"one"', '"one"', '"one"'])

    def test_a_file_that_changed_between_tries_is_fetched_from_its_beginning(self):
        for polite in (True, False):    # the second server gives a part of the other file though it was told the tag
            first, then = web.file(DISK, breaks=[1000000]), web.file(OTHER, etag='"two"')

            def handler(request, first=first, then=then, polite=polite):
                if len(self.web.asked('/disk.raw')) == 1:
                    return first(request)
                if not polite:
                    request.headers.pop('if-range', None)
                return then(request)
            self.web.requests.clear()
            self.web.paths['/disk.raw'] = handler
            self.taken('/disk.raw', content=OTHER)
            self.assertEqual(len(self.web.requests), 2 if polite else 3)

    def test_without_a_validator_nothing_is_gone_on_with(self):
        for tag in (None, 'W/"one"'):
            self.web.requests.clear()
            self.web.paths['/disk.raw'] = web.file(DISK, etag=tag, breaks=[1000000])
            self.taken('/disk.raw')
            self.assertEqual([r.headers.get('range') for r in self.web.requests], [None, None])

    def test_a_server_that_is_not_well_is_asked_again_but_not_for_ever(self):
        states = [503, 500, 429]
        good = web.file(DISK)
        self.web.paths['/disk.raw'] = lambda r: r.answer(states.pop()) if states else good(r)
        self.taken('/disk.raw')
        self.web.paths['/ill.raw'] = lambda r: r.answer(503)
        self.refused('/ill.raw', '--tries', '2', says=['the server answered 503', 'tried 2 times'])
        self.assertEqual(len(self.web.asked('/ill.raw')), 2)
        for status in (204, 206, 304, 400, 401, 403, 404, 410):
            self.web.paths['/no.raw'] = lambda r, status=status: r.answer(status)
            self.refused('/no.raw', says=[self.web.url + '/no.raw', str(status)])
        self.assertEqual(len(self.web.asked('/no.raw')), 8)
        self.web.close()
        self.refused('/disk.raw', says=['/disk.raw', str(self.web.port)], never=['tried'])

    def test_interrupted_it_leaves_nothing(self):
        self.web.paths['/disk.raw'] = lambda r: r.answer(200, f'Content-Length: {4 << 20}', body=DISK) or time.sleep(20)
        process = subprocess.Popen([self.bin / 'xenkiln', 'convert', self.web.url + '/disk.raw', self.folder / 'out.raw',
                                    '--spool', self.spool], stderr=subprocess.PIPE, text=True, **service.as_user())
        until = time.monotonic() + 20
        while not any(self.spool.rglob('disk.raw')) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertTrue(any(self.spool.rglob('disk.raw')))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        self.assertEqual((process.returncode, list(self.spool.iterdir())), (1, []), said)
        self.assertIn('cancelled', said)

    # -- lies ---------------------------------------------------------------------------------------
    def test_a_content_length_that_lies(self):
        # Too long: the end never comes. Too short: what is behind it is not taken.
        self.web.paths['/long.raw'] = lambda r: r.answer(200, f'Content-Length: {len(DISK) + 1}', body=DISK)
        self.refused('/long.raw', '--tries', '2', says=[f'{len(DISK)} of {len(DISK) + 1} bytes are here'])
        self.web.paths['/short.raw'] = lambda r: r.answer(200, f'Content-Length: {1 << 20}', body=DISK)
        self.refused('/short.raw', '--sha256', web.sha256(DISK), says=[web.sha256(DISK[:1 << 20]), web.sha256(DISK)])
        self.web.paths['/two.raw'] = lambda r: r.answer(200, 'Content-Length: 1024', 'Content-Length: 2048', body=DISK)
        self.refused('/two.raw')
        for length in ('-1', '1e9', '0x10', '99999999999999999999'):
            self.web.paths['/odd.raw'] = lambda r, length=length: r.answer(200, f'Content-Length: {length}', body=DISK)
            self.refused('/odd.raw', '--tries', '1')

    def test_an_end_that_is_nowhere_said_needs_a_digest(self):
        def until_close(request):
            request.send(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n' + DISK)
        self.web.paths['/disk.raw'] = until_close
        self.refused('/disk.raw', says=['does not say where the file ends'])
        self.taken('/disk.raw', '--sha256', web.sha256(DISK))

        def chunks(request, end=b'0\r\n\r\n'):
            request.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            for at in range(0, len(DISK), 1 << 16):
                request.send(b'10000\r\n' + DISK[at:at + (1 << 16)] + b'\r\n')
            request.send(end)
        self.web.paths['/chunks.raw'] = chunks
        self.taken('/chunks.raw')
        self.web.paths['/cut.raw'] = lambda r: chunks(r, b'')
        self.refused('/cut.raw', '--tries', '1')

    def test_what_has_no_end_or_no_room_is_refused(self):
        def endless(request):
            request.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            while True:
                request.send(b'10000\r\n' + bytes(65536) + b'\r\n')
        self.web.paths['/endless.raw'] = endless
        self.refused('/endless.raw', '--max-size', '10MiB', says=['10485760 are the most'])
        self.web.paths['/large.raw'] = web.file(DISK)
        self.refused('/large.raw', '--max-size', '1MiB', says=[f'{len(DISK)} bytes, and 1048576 are the most'])
        self.web.paths['/huge.raw'] = lambda r: r.answer(200, f'Content-Length: {1 << 60}', body=DISK)
        self.refused('/huge.raw', says=[str(1 << 60), 'left'])

        def headers(request):
            request.send(b'HTTP/1.1 200 OK\r\n')
            while True:
                request.send(b'X-More: ' + b'a' * 1000 + b'\r\n')
        self.web.paths['/headers.raw'] = headers
        self.refused('/headers.raw', says=['headers'])

    def test_what_is_too_slow_ends_in_time(self):
        def slow(request):
            request.send(f'HTTP/1.1 200 OK\r\nContent-Length: {len(DISK)}\r\n\r\n')
            for byte in DISK:
                request.send(bytes([byte]))
                time.sleep(0.1)
        self.web.paths['/slow.raw'] = slow
        started = time.monotonic()
        self.refused('/slow.raw', '--timeout', '2', says=['not here after 2 s', f'of {len(DISK)} bytes'])
        self.assertLess(time.monotonic() - started, 20)

    def test_a_packing_that_was_not_asked_for_is_refused(self):
        import gzip
        packed = gzip.compress(DISK, 1)
        self.web.paths['/disk.raw'] = web.file(packed, 'Content-Encoding: gzip')
        self.refused('/disk.raw', says=['Content-Encoding gzip'])
        self.web.paths['/disk.raw.gz'] = web.file(packed, 'Content-Encoding: x-gzip')
        self.taken('/disk.raw.gz', '--sha256', web.sha256(packed))

    # -- redirects ----------------------------------------------------------------------------------
    def test_redirects_are_followed_five_times_and_judged_each_time(self):
        self.web.paths['/disk.raw'] = web.file(DISK)
        for number in range(7):
            self.web.paths[f'/{number}'] = web.redirect(f'{number - 1}?x' if number else '/disk.raw', (301, 302, 303, 307, 308)[number % 5])
        told, content = self.fetch('/4', '--from', 'raw', '--force')
        self.assertEqual((told.returncode, content == DISK), (0, True), told)
        self.refused('/5', says=['redirected more than 5 times'])
        self.web.paths['/loop'] = web.redirect('/loop')
        self.refused('/loop', says=['redirected more than 5 times'])
        for to in ('file:///etc/passwd', 'ftp://127.0.0.1/x', 'gopher://127.0.0.1/x', 'javascript:x', 'http://', 'http://a b/'):
            self.web.paths['/x'] = web.redirect(to)
            self.refused('/x', says=['the address it redirects to is not a plain http'])
        self.web.paths['/x'] = web.redirect('http://me:secret@127.0.0.1/x')
        self.refused('/x', says=['credentials'], never=['secret'])
        self.refused('http://me:secret@127.0.0.1/x', says=['credentials'], never=['secret'])

    def test_a_redirect_does_not_lead_to_another_inner_server(self):
        other = web.Web()
        self.addCleanup(other.close)
        other.paths['/disk.raw'] = web.file(DISK)
        self.web.paths['/disk.raw'] = web.redirect(other.url + '/disk.raw')
        self.refused('/disk.raw', says=['has the address 127.0.0.1, which is not a public one', '--allow-host 127.0.0.1'])
        self.assertEqual(other.requests, [])
        self.taken('/disk.raw', '--allow-host', f'127.0.0.1:{other.port}')

    def test_for_an_address_of_somebody_elses_choice_no_inner_one_is_taken(self):
        self.web.paths['/disk.raw'] = web.file(DISK)
        for host in ('127.0.0.1', 'localhost', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '127.0.0.1.', '0'):
            self.refused(f'http://{host}:{self.web.port}/disk.raw', '--public-only')
        self.assertEqual(self.web.requests, [])
        self.taken('/disk.raw', '--public-only', '--allow-host', '127.0.0.1')

    def test_a_proxy_is_used_and_not_asked_for_inner_addresses(self):
        proxies = {'http_proxy': self.web.url, 'no_proxy': 'inner.example,127.0.0.1'}
        self.web.paths['http://cloud.example/disk.raw'] = web.file(DISK)
        told, content = self.fetch('http://cloud.example/disk.raw', proxies=proxies)
        self.assertEqual((told.returncode, content == DISK), (0, True), told)
        for host in ('169.254.169.254', '2852039166', '0xa9fea9fe', '[::ffff:a9fe:a9fe]', '10.0.0.5'):
            self.web.paths['http://cloud.example/go.raw'] = web.redirect(f'http://{host}/disk.raw')
            self.refused('http://cloud.example/go.raw', proxies=proxies, says=['not a public one'])
        self.web.paths['http://cloud.example/go.raw'] = web.redirect(self.web.url + '/disk.raw')   # without the proxy
        self.refused('http://cloud.example/go.raw', proxies=proxies, says=['has the address 127.0.0.1'])
        self.assertEqual({request.path for request in self.web.requests},
                         {'http://cloud.example/disk.raw', 'http://cloud.example/go.raw'})

    def test_addresses_in_a_network_of_its_own(self):
        told = subprocess.run(
            ['unshare', '--map-root-user', '--net', '--mount', sys.executable,
             pathlib.Path(__file__).parent / 'fetch_addresses.py', self.bin / 'xenkiln'],
            capture_output=True, text=True, timeout=200)
        self.assertEqual(told.returncode, 0, told.stdout + told.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
