# SPDX-License-Identifier: Apache-2.0
"""HTTP as clients really speak it, and as they should not: pipelining, half requests, slow readers,
strangers' Host and Origin, ranges, and the raw socket of `xe vm-import`. The service is the real one;
its catalog is filled by hand and its worker is a script that only tells progress."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import socket
import sqlite3
import struct
import subprocess
import threading
import time
import unittest

import seeded
import service

RELEASE = 'tiny-20261121-pvhvm'
TINY = (service.SOURCE / 'tests/data/recipes/tiny.ks').read_text()
WORKER = '''#!/bin/sh
# Stands for the worker: tells progress until its standard input closes or it is killed.
echo '{"steps":[{"name":"install packages","weight":1}]}'
echo '{"step":"install packages"}'
i=0
while [ $i -lt 300 ]; do
    i=$((i + 1))
    echo "{\\"fraction\\":0.$(printf %03d $i)}"
    echo "{\\"log\\":\\"line $i\\"}"
    echo "line $i" >&2
    sleep 0.2
done
'''


def seed(data, files=None):
    """A published release, as the service itself would leave it."""
    files = files or {f'{RELEASE}.xva': random.Random(1).randbytes(48 << 20),
             f'{RELEASE}.xva.gz': random.Random(2).randbytes(3 << 20),
             f'{RELEASE}.xva.zst': random.Random(3).randbytes(3000001),
             f'{RELEASE}.xva.xz': random.Random(4).randbytes(65536),
             f'{RELEASE}.ova.xml': b'<value/>', 'SHA256SUMS': b'00  x\n'}
    seeded.seed(data, RELEASE, files, TINY)
    return files


class Answer:
    """One response read from a socket by its Content-Length."""

    def __init__(self, stream, head=False):
        line = stream.readline().decode('latin-1')
        self.status = int(line.split(' ')[1]) if line.startswith('HTTP/1.') else None
        self.headers = {}
        while (line := stream.readline().decode('latin-1').rstrip('\r\n')):
            name, _, value = line.partition(':')
            self.headers[name.lower()] = value.strip()
        length = 0 if head or self.status in (100, 204, 304, None) else int(self.headers.get('content-length', -1))
        self.body = stream.read(length) if length >= 0 else stream.read()


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = service.Service()
        cls.addClassCleanup(cls.service.close)
        worker = cls.service.bin / 'xenkiln-worker'
        worker.write_text(WORKER)
        cls.files = seed(cls.service.data)
        cls.service.start()
        cls.host = f'127.0.0.1:{cls.service.port}'

    def tearDown(self):
        status, _, body = self.service.request('GET', '/healthz', timeout=5)
        self.assertEqual(status, 200, 'the service does not answer any more')
        self.assertIsNone(self.service.process.poll(), self.service.log_tail())

    def connect(self, timeout=20):
        raw = socket.create_connection(('127.0.0.1', self.service.port), timeout)
        self.addCleanup(raw.close)
        return raw

    def get(self, path, *headers, host=None, method='GET'):
        lines = [f'{method} {path} HTTP/1.1', f'Host: {host or self.host}', *headers, '', '']
        return '\r\n'.join(lines).encode('latin-1')

    def raw(self, request, head=False):
        connection = self.connect()
        connection.sendall(request)
        return Answer(connection.makefile('rb'), head)

    def submit(self):
        return self.service.submit(TINY, name=f'n{random.randrange(1 << 30)}')

    # -- framing ------------------------------------------------------------------------------------
    def test_pipelined_requests_are_answered_in_order_and_the_connection_stays(self):
        connection = self.connect()
        stream = connection.makefile('rb')
        sums = f'/download/{RELEASE}/SHA256SUMS'
        for _ in range(20):
            connection.sendall(self.get('/healthz') + self.get(sums) + self.get('/nothing') +
                               self.get(sums, method='HEAD') + self.get('/v1/releases'))
            answers = [Answer(stream), Answer(stream), Answer(stream), Answer(stream, head=True), Answer(stream)]
            self.assertEqual([a.status for a in answers], [200, 200, 404, 200, 200])
            self.assertEqual(answers[1].body, self.files['SHA256SUMS'])
            self.assertEqual(int(answers[3].headers['content-length']), len(self.files['SHA256SUMS']))
            self.assertIn('releases', json.loads(answers[4].body))

    def test_head_answers_as_get_would_without_a_body(self):
        for path in ('/', '/healthz', '/v1/releases', '/v1/builds', f'/download/{RELEASE}/SHA256SUMS',
                     f'/download/{RELEASE}/{RELEASE}.xva', '/keys/signing.pem', '/nothing',
                     '/v1/conversions', '/v1/recipes', f'/v1/releases/{RELEASE}', f'/releases/{RELEASE}', '/v1/uploads',
                     '/recipes/nothing', '/v1/builds/nothing', '/v1/builds/nothing/events',
                     '/v1/artifacts/' + hashlib.sha256(self.files['SHA256SUMS']).hexdigest()):
            connection = self.connect()
            connection.sendall(self.get(path, 'Connection: close', method='HEAD'))
            head, _, body = connection.makefile('rb').read().partition(b'\r\n\r\n')
            whole = self.raw(self.get(path, 'Connection: close'))
            self.assertEqual(body, b'', path)
            self.assertEqual(int(re.search(rb'content-length: *(\d+)', head.lower())[1]), len(whole.body), path)
            self.assertEqual(int(head.split(b' ')[1]), whole.status, path)

    def test_a_body_in_chunks_is_a_body(self):
        bad = b'nosuchcommand\n' + TINY.encode()
        chunks = b''.join(b'%x\r\n%s\r\n' % (len(bad[i:i + 7]), bad[i:i + 7]) for i in range(0, len(bad), 7))
        answer = self.raw(self.get('/v1/builds', 'Content-Type: text/x-kickstart', 'Transfer-Encoding: chunked',
                                   method='POST') + chunks + b'0\r\n\r\n')
        self.assertEqual(answer.status, 422)
        self.assertEqual(json.loads(answer.body)['errors'][0]['line'], 1)

    def test_a_client_that_waits_for_100_continue_gets_it(self):
        connection = self.connect()
        body = b'nosuchcommand\n'
        connection.sendall(self.get('/v1/builds', 'Content-Type: text/x-kickstart', f'Content-Length: {len(body)}',
                                    'Expect: 100-continue', method='POST'))
        stream = connection.makefile('rb')
        self.assertEqual(Answer(stream).status, 100)
        connection.sendall(body)
        self.assertEqual(Answer(stream).status, 422)

    def test_too_large_a_body_is_refused_before_it_is_read(self):
        answer = self.raw(self.get('/v1/builds', 'Content-Type: text/x-kickstart', 'Content-Length: 99999999999', method='POST'))
        self.assertEqual((answer.status, answer.headers['content-type']), (413, 'application/problem+json'))
        answer = self.raw(self.get('/v1/builds', 'Content-Type: text/x-kickstart', 'Content-Length: 99999999999',
                                   'Expect: 100-continue', method='POST'))
        self.assertEqual(answer.status, 413)
        connection = self.connect()
        connection.sendall(self.get('/v1/builds', 'Content-Type: text/x-kickstart', 'Transfer-Encoding: chunked', method='POST'))
        with contextlib.suppress(OSError):   # the service may close while we still send
            for _ in range(64):
                connection.sendall(b'100000\r\n' + b'#' * 0x100000 + b'\r\n')
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(Answer(connection.makefile('rb')).status, 413)

    def test_what_is_not_http_is_refused(self):
        for request in (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(64), b'\0' * 100 + b'\r\n\r\n',
                        b'GET\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n', b'G\x7fET / HTTP/1.1\r\nHost: x\r\n\r\n',
                        b'SSH-2.0-OpenSSH_9.2\r\n\r\n', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
                        self.get('/', 'Content-Length: -1'), self.get('/', 'Content-Length: 5', 'Content-Length: 6'),
                        self.get('/', 'Content-Length: 99999999999999999999999'), self.get('/', 'A: b\0c'),
                        self.get('/', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
                        self.get('/', 'Transfer-Encoding: chunked', method='POST') + b'zz\r\n'):
            connection = self.connect()
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b''
            with contextlib.suppress(ConnectionResetError):
                answer = connection.makefile('rb').read()
            self.assertRegex(answer, rb'^(HTTP/1\.[01] (400|4\d\d|505) |$)', request[:60])

    def test_endless_headers_and_addresses_are_refused(self):
        for request in (b'GET /' + b'a' * (1 << 20) + b' HTTP/1.1\r\n', self.get('/', *['A: ' + 'b' * 900] * 2000),
                        self.get('/', 'A: ' + 'b' * (1 << 20))):
            connection = self.connect()
            with contextlib.suppress(OSError):
                connection.sendall(request)
            with contextlib.suppress(ConnectionResetError):
                self.assertIn(Answer(connection.makefile('rb')).status, (400, 413, 414, 431, None))

    def test_odd_targets_are_answered(self):
        for target in ('/%zz', '/%', '/%00', '/%2e%2e/%2e%2e/etc/passwd', '/../../etc/passwd', '//etc/passwd', '/?a=%zz', '*', 'x',
                       f'http://{self.host}/nothing', '/\xff', '/v1/builds/%2e%2e', '/download/%2e%2e/signing-key.pem',
                       f'/download/{RELEASE}/..%2f..%2f..%2fsigning-key.pem', f'/download/{RELEASE}%2fSHA256SUMS%00'):
            answer = self.raw(self.get(target, 'Connection: close'))
            self.assertIn(answer.status, (200, 400, 404), target)
            self.assertNotIn(b'PRIVATE', answer.body)
            self.assertNotIn(b'root:', answer.body)
            if answer.status == 200:
                self.assertIn(target, ('/?a=%zz',), target)

    def test_unknown_methods_are_refused_with_what_is_allowed(self):
        for method in ('PUT', 'PATCH', 'TRACE', 'BREW'):
            answer = self.raw(self.get('/v1/builds', 'Content-Length: 0', 'Connection: close', method=method))
            self.assertIn(answer.status, (405, 501), method)
            self.assertIn('GET', answer.headers['allow'])
        self.assertGreaterEqual(self.raw(f'CONNECT {self.host} HTTP/1.1\r\nHost: {self.host}\r\n\r\n'.encode()).status, 400)

    def test_options_tells_the_methods_of_an_address_and_of_the_service(self):
        for target, allow in (('/v1/builds', 'GET, HEAD, OPTIONS, POST'), ('/healthz', 'GET, HEAD, OPTIONS'),
                              ('*', 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT')):
            answer = self.raw(self.get(target, 'Connection: close', method='OPTIONS'))
            self.assertEqual((answer.status, answer.headers['allow'], answer.body), (204, allow, b''), target)
        self.assertEqual(self.raw(self.get('/nothing', 'Connection: close', method='OPTIONS')).status, 404)

    # -- strangers ----------------------------------------------------------------------------------
    def test_only_our_own_host_names_are_answered(self):
        port = self.service.port
        for host in (f'127.0.0.1:{port}', f'localhost:{port}', f'LOCALHOST:{port}', f'[::1]:{port}', '127.0.0.1', 'localhost'):
            self.assertEqual(self.raw(self.get('/healthz', host=host)).status, 200, host)
        for host in ('evil.example', f'evil.example:{port}', f'127.0.0.1.evil.example:{port}', f'localhost.evil.example:{port}',
                     f'evil.example@127.0.0.1:{port}', '10.0.0.1', f'127.0.0.1:{port}, evil.example', '[::1', ':', 'localhost:x'):
            answer = self.raw(self.get('/v1/releases', host=host))
            self.assertIn(answer.status, (400, 403, 421), host)
            self.assertNotIn(RELEASE.encode(), answer.body)
        self.assertIn(self.raw(b'GET /v1/releases HTTP/1.1\r\n\r\n').status, (400, 403, 421))
        self.assertIn(self.raw(self.get('/v1/releases', 'Host: evil.example')).status, (400, 403, 421))

    def test_other_sites_cannot_make_a_browser_build_or_cancel(self):
        build = self.submit()
        body = TINY.encode()
        for header in ('Origin: http://evil.example', 'Origin: null', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site',
                       f'Origin: http://127.0.0.1:{self.service.port + 1}', f'Origin: http://127.0.0.1.evil.example:{self.service.port}'):
            before = len(self.service.json('/v1/builds')['builds'])
            answer = self.raw(self.get('/v1/builds', header, 'Content-Type: text/x-kickstart', f'Content-Length: {len(body)}',
                                       method='POST') + body)
            self.assertEqual(answer.status, 403, header)
            self.assertEqual(self.raw(self.get(f'/v1/builds/{build}', header, method='DELETE')).status, 403, header)
            self.assertEqual(len(self.service.json('/v1/builds')['builds']), before)
        own = self.raw(self.get(f'/v1/builds/{build}', f'Origin: http://{self.host}', 'Sec-Fetch-Site: same-origin', method='DELETE'))
        self.assertIn(own.status, (202, 204))

    def test_other_sites_cannot_read_answers(self):
        answer = self.raw(self.get('/v1/releases', 'Origin: http://evil.example'))
        self.assertNotIn('access-control-allow-origin', answer.headers)

    # -- files --------------------------------------------------------------------------------------
    def test_an_xva_fills_the_raw_socket_until_it_closes(self):
        for ending in ('xva', 'xva.gz', 'xva.zst', 'xva.xz'):
            path = f'/download/{RELEASE}/{RELEASE}.{ending}'
            expected = self.files[f'{RELEASE}.{ending}']
            # A second request behind it must not add a byte to the file.
            for extra in (b'', self.get('/healthz')):
                connection = self.connect()
                connection.sendall(self.get(path, 'Accept-Encoding: gzip, zstd', 'Content-Length: 0') + extra)
                head, _, body = connection.makefile('rb').read().partition(b'\r\n\r\n')
                head = head.lower()
                self.assertRegex(head, rb'^http/1\.1 200 ')
                self.assertIn(b'\r\nconnection: close', head)
                self.assertIn(b'\r\ncontent-length: %d' % len(expected), head)
                self.assertNotIn(b'transfer-encoding', head)
                self.assertNotIn(b'content-encoding', head)
                self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(expected).digest())

    def test_ranges(self):
        name = f'{RELEASE}.xva.zst'
        path, content = f'/download/{RELEASE}/{name}', self.files[name]
        size, etag = len(content), self.raw(self.get(path, method='HEAD'), head=True).headers['etag']
        self.assertEqual(etag, f'"{hashlib.sha256(content).hexdigest()}"')
        connection = self.connect()
        stream = connection.makefile('rb')
        for value, first, last in (('0-0', 0, 0), ('0-', 0, size - 1), ('-1', size - 1, size - 1), (f'-{size * 2}', 0, size - 1),
                                   (f'100-{size * 9}', 100, size - 1), (f'{size - 1}-', size - 1, size - 1), ('5-9', 5, 9)):
            connection.sendall(self.get(path, f'Range: bytes={value}'))
            answer = Answer(stream)
            self.assertEqual(answer.status, 206, value)
            self.assertEqual(answer.headers['content-range'], f'bytes {first}-{last}/{size}')
            self.assertTrue(answer.body == content[first:last + 1], value)
        for value in (f'{size}-', f'{size}-{size + 5}', '-0', '99999999999999999999999-'):
            connection.sendall(self.get(path, f'Range: bytes={value}'))
            answer = Answer(stream)
            self.assertEqual((answer.status, answer.headers['content-range']), (416, f'bytes */{size}'), value)
        for value in ('bytes=9-5', 'bytes=a-b', 'bytes=', 'bytes=-', 'lines=1-2', 'bytes=1-2,5-6', 'bytes=1-99999999999999999999999x'):
            self.assertIn(self.raw(self.get(path, f'Range: {value}', 'Connection: close')).status, (200, 206, 416), value)
        self.assertEqual(self.raw(self.get(path, 'Range: bytes=0-9', f'If-Range: {etag}')).status, 206)
        self.assertEqual(self.raw(self.get(path, 'Range: bytes=0-9', 'If-Range: "other"')).status, 200)
        self.assertEqual(self.raw(self.get(path, 'Range: bytes=0-9', f'If-Range: W/{etag}')).status, 200)

    def test_what_the_client_has_already_is_not_sent_again(self):
        path = f'/download/{RELEASE}/SHA256SUMS'
        etag = self.raw(self.get(path)).headers['etag']
        for header in (etag, f'W/{etag}', f'"a", {etag}', '*'):
            answer = self.raw(self.get(path, f'If-None-Match: {header}'))
            self.assertEqual((answer.status, answer.body, answer.headers.get('etag')), (304, b'', etag), header)
        for header in ('"a"', '"a", "b"', 'junk'):
            self.assertEqual(self.raw(self.get(path, f'If-None-Match: {header}')).status, 200, header)

    # -- the access log -----------------------------------------------------------------------------
    def logged(self, pattern, seconds=10):
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self.service.log_tail(10000))) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertTrue(found, pattern + self.service.log_tail(20))

    def test_the_access_log_tells_the_status_and_the_bytes_that_were_sent(self):
        path, size = f'/download/{RELEASE}/{RELEASE}.xva.zst', len(self.files[f'{RELEASE}.xva.zst'])
        etag = self.raw(self.get(path, method='HEAD'), head=True).headers['etag']
        for status, bytes_sent, headers, method in (
                (200, size, (), 'GET'), (200, 0, (), 'HEAD'), (206, 10, ('Range: bytes=5-14',), 'GET'),
                (304, 0, (f'If-None-Match: {etag}',), 'GET'), (416, r'\d{2,}', (f'Range: bytes={size}-',), 'GET'),
                (405, r'\d{2,}', ('Content-Length: 0',), 'PUT')):
            address = f'{path}?case={len(method)}{status}'   # a number is no secret, and is not left out
            answer = self.raw(self.get(address, *headers, method=method), head=method == 'HEAD')
            self.assertEqual(answer.status, status)
            self.logged(f'{method} {re.escape(address)} {status} {bytes_sent} bytes\n')
        connection = self.connect()
        connection.sendall(b'BR\x01EW / HTTP/1.1\r\n\r\n')
        connection.makefile('rb').read()
        self.logged(r' - - 400 \d+ bytes\n')
        self.raw(self.get('/v1/builds?case=413', 'Content-Length: 99999999999', method='POST'))
        self.logged(r'POST /v1/builds\?case=413 413 \d+ bytes\n')

    def test_a_file_that_is_gone_is_a_500_in_the_access_log_too(self):
        stored = hashlib.sha256(self.files[f'{RELEASE}.ova.xml']).hexdigest()
        stored = self.service.data / 'store' / stored[:2] / stored
        away = stored.with_name('away')
        stored.rename(away)
        try:
            answer = self.raw(self.get(f'/download/{RELEASE}/{RELEASE}.ova.xml?case=500'))
        finally:
            away.rename(stored)
        self.assertEqual(answer.status, 500)
        self.logged(r'case=500 500 \d+ bytes\n')

    def test_the_access_log_tells_who_left_before_the_end(self):
        for reset in (False, True):
            connection = self.connect()
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            connection.sendall(self.get(f'/download/{RELEASE}/{RELEASE}.xva?case={int(reset)}'))
            connection.recv(100000)
            connection.close()
            self.logged(rf'xva\?case={int(reset)} 200 closed by the client after \d+ of {48 << 20} bytes\n')
        build = self.submit()
        connection = self.connect()
        connection.sendall(self.get(f'/v1/builds/{build}/events?case=7'))
        connection.recv(100)
        connection.close()
        self.logged(r'case=7 200 closed by the client after \d+ bytes\n')
        self.service.request('DELETE', f'/v1/builds/{build}')
        list(self.service.events(build))
        self.logged(rf'GET /v1/builds/{build}/events 200 \d+ bytes\n')

    def test_clients_that_leave_early_are_no_error(self):
        path = f'/download/{RELEASE}/{RELEASE}.xva'
        for reset in (False, True):
            for _ in range(20):
                connection = self.connect()
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                connection.sendall(self.get(path))
                connection.recv(100000)
                connection.close()
        time.sleep(0.3)
        self.assertNotRegex(self.service.log_tail(), r'(?i)\b(error|fail)')

    # -- many and slow ------------------------------------------------------------------------------
    def memory(self):
        status = pathlib.Path(f'/proc/{self.service.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+)', status)[1])

    def quick(self, what):
        started = time.monotonic()
        for _ in range(20):
            self.assertEqual(self.service.request('GET', '/v1/releases', timeout=10)[0], 200)
        self.assertLess((time.monotonic() - started) / 20, 0.5, what)

    def test_a_hundred_slow_downloads_and_half_requests_hurt_nobody(self):
        before, path = self.memory(), f'/download/{RELEASE}/{RELEASE}.xva'
        slow = []
        for number in range(100):
            connection = self.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(self.get(path))
            connection.recv(1000)
            slow.append(connection)
        for number in range(100):
            connection = self.connect()
            connection.sendall(b'POST /v1/builds HTTP/1.1\r\nHost: ' + self.host.encode() +
                               b'\r\nContent-Type: text/x-kickstart\r\nContent-Length: 1000\r\n\r\nlang'[:10 + number])
            slow.append(connection)
        self.quick('beside 100 slow downloads and 100 half requests')
        self.assertLess(self.memory() - before, 100 * 1024, 'KiB more memory')
        self.assertEqual(hashlib.sha256(self.raw(self.get(path)).body).digest(),
                         hashlib.sha256(self.files[f'{RELEASE}.xva']).digest())

    def test_many_downloads_at_once_are_all_right(self):
        path, digest = f'/download/{RELEASE}/{RELEASE}.xva', hashlib.sha256(self.files[f'{RELEASE}.xva']).digest()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for body in pool.map(lambda _: self.raw(self.get(path)).body, range(16)):
                self.assertEqual(hashlib.sha256(body).digest(), digest)

    def test_a_hundred_listeners_do_not_starve_requests(self):
        build = self.submit()
        listeners = []
        for _ in range(100):
            connection = self.connect()
            connection.sendall(self.get(f'/v1/builds/{build}/events'))
            listeners.append(connection)
        self.quick('beside 100 listeners')
        for connection in listeners:
            self.assertIn(b'text/event-stream', connection.recv(4096).lower())
        self.assertEqual(self.service.request('DELETE', f'/v1/builds/{build}')[0] // 100, 2)
        for connection in listeners:
            told = connection.makefile('rb').read()
            self.assertIn(b'"cancelled"', told)

    def test_listeners_that_leave_are_forgotten(self):
        build = self.submit()
        for _ in range(50):
            connection = self.connect()
            connection.sendall(self.get(f'/v1/builds/{build}/events'))
            connection.recv(10)
            connection.close()
        time.sleep(2)
        open_sockets = [link for link in self.links() if link.startswith('socket:')]
        self.assertLess(len(open_sockets), 30)
        self.service.request('DELETE', f'/v1/builds/{build}')

    def links(self):
        folder = f'/proc/{self.service.process.pid}/fd'
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(f'{folder}/{name}')

    # -- events -------------------------------------------------------------------------------------
    def test_head_of_events_is_a_header_at_once(self):
        build = self.submit()
        connection = self.connect(timeout=5)
        connection.sendall(self.get(f'/v1/builds/{build}/events', method='HEAD'))
        head, _, body = connection.makefile('rb').read().partition(b'\r\n\r\n')
        self.assertEqual(self.service.state(build)['state'], 'running', 'the answer did not wait for the end of the job')
        self.assertRegex(head, rb'^HTTP/1\.1 200 ')
        self.assertIn(b'Content-Type: text/event-stream', head)
        self.assertEqual(body, b'')
        self.service.request('DELETE', f'/v1/builds/{build}')

    def test_events_resume_where_they_broke_off_and_end_with_the_job(self):
        build = self.submit()
        seen = []
        for number, kind, data in self.service.events(build):
            seen.append((number, kind))
            if len(seen) == 6:
                break
        for number, kind, data in self.service.events(build, last=seen[-1][0]):
            seen.append((number, kind))
            if len(seen) == 12:
                threading.Thread(target=self.service.request, args=('DELETE', f'/v1/builds/{build}')).start()
        self.assertEqual([number for number, _ in seen], list(range(1, len(seen) + 1)))
        self.assertEqual(seen[-1][1], 'state')
        self.assertEqual(self.service.state(build)['state'], 'cancelled')

    def test_the_log_can_be_followed_with_ranges_while_it_grows(self):
        build = self.submit()
        path, text = f'/v1/builds/{build}/log', b''
        until = time.monotonic() + 20
        while text.count(b'line ') < 10 and time.monotonic() < until:
            status, headers, body = self.service.request('GET', path, headers={'Range': f'bytes={len(text)}-'})
            self.assertIn(status, (206, 416, 200), body)
            if status == 206:
                text += body
            elif status == 200:
                text = body
            time.sleep(0.2)
        self.service.request('DELETE', f'/v1/builds/{build}')
        self.service.wait(build, 20)
        whole = self.service.request('GET', path)[2]
        self.assertIn(b'line 9', text)
        self.assertTrue(whole.startswith(text))

    # -- recipes ------------------------------------------------------------------------------------
    def test_a_stored_recipe_is_served_to_installers_and_built_from(self):
        kickstart = {'Content-Type': 'text/x-kickstart'}
        secret = TINY + 'user --name=ada --password=Kiln7glaze\n'
        status, headers, body = self.service.request('PUT', '/v1/recipes/tiny', secret.encode(), kickstart)
        self.assertEqual((status, headers['location']), (201, '/recipes/tiny/1.ks'), body)
        token = json.loads(body)['token']
        self.assertEqual(self.service.request('PUT', '/v1/recipes/tiny', secret.encode(), kickstart)[0], 200)
        status, headers, text = self.service.request('GET', '/recipes/tiny/1.ks')
        self.assertEqual((status, headers['content-type']), (200, 'text/plain; charset=utf-8'))
        self.assertNotIn(b'glaze', text)
        self.assertTrue(text.startswith(b'secrets-left-out'))
        self.assertEqual(self.service.request('GET', '/recipes/tiny/1.ks', None, {'If-None-Match': headers['etag']})[0], 304)
        # As an installer's own fetcher does it: the token is the password of the address.
        whole = subprocess.run(['curl', '-sS', '--noproxy', '*', f'http://any:{token}@{self.host}/recipes/tiny/1.ks'],
                               capture_output=True, timeout=20, check=True).stdout
        self.assertEqual(whole, secret.encode())
        self.assertEqual(self.service.request('GET', '/recipes/tiny/1.ks', None, {'Authorization': 'Bearer no'})[0], 401)
        self.assertNotIn(token, self.service.log_tail(10000))
        listed = json.loads(self.service.request('GET', '/v1/recipes')[2])['recipes']
        self.assertEqual([(r['name'], r['version'], r['has_secrets']) for r in listed], [('tiny', 1, True)])
        for page in ('/', '/recipes/tiny'):
            shown = self.service.request('GET', page)[2]
            self.assertIn(b'/recipes/tiny', shown)
            self.assertNotIn(b'glaze', shown)
        asked = json.dumps({'recipe': {'name': 'tiny', 'version': 1}, 'options': {'name': 'stored'}}).encode()
        status, _, body = self.service.request('POST', '/v1/builds', asked, {'Content-Type': 'application/json'})
        self.assertEqual(status, 202, body)
        build = json.loads(body)['id']
        def recipe_of_the_job():
            with contextlib.closing(sqlite3.connect(self.service.data / 'catalog.sqlite')) as base:
                return base.execute('SELECT recipe FROM job WHERE id = ?', (build,)).fetchone()[0]
        whole = recipe_of_the_job()
        self.service.request('DELETE', f'/v1/builds/{build}')
        if self.service.wait(build, 20)['state'] == 'cancelled':   # it was not over before we looked
            self.assertEqual(whole, secret)
        until = time.monotonic() + 10   # its end is told first, then it is forgotten
        while recipe_of_the_job() == secret and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(recipe_of_the_job(), secret.replace('Kiln7glaze', '(removed)'))

    def test_what_cannot_be_stored_is_refused(self):
        kickstart = {'Content-Type': 'text/x-kickstart'}
        for name, body, headers, expected in (
                ('Web', b'lang C\n', kickstart, 400), ('web', b'lnag C\n', kickstart, 422),
                ('web', b'lang C\n', {'Content-Type': 'image/png'}, 415),
                ('web', b'#' * ((1 << 20) + 1), kickstart, 413), ('%2e%2e', b'lang C\n', kickstart, 400)):
            status, answered, _ = self.service.request('PUT', f'/v1/recipes/{name}', body, headers)
            self.assertEqual((status, answered['content-type']), (expected, 'application/problem+json'), name)
        self.assertEqual(self.service.request('GET', '/recipes/web/1.ks')[0], 404)
        self.assertEqual(self.service.request('DELETE', '/v1/recipes/web')[0], 405)

    def test_lint_answers_as_json_and_as_sarif(self):
        wrong = b'#version=RHEL9\nselinux --enabled\nrootpw --plaintext vagrant\n'
        status, headers, body = self.service.request('POST', '/v1/kickstart/lint?file=web.ks', wrong)
        self.assertEqual((status, headers['content-type']), (200, 'application/json'))
        self.assertEqual(json.loads(body)['schema'], 'xenkiln-lint/1')
        self.assertNotIn(b'vagrant', body)
        status, headers, body = self.service.request('POST', '/v1/kickstart/lint?file=web.ks', wrong,
                                                     {'Accept': 'application/sarif+json'})
        self.assertEqual((status, headers['content-type']), (200, 'application/sarif+json'))
        found = json.loads(body)['runs'][0]['results']
        place = found[0]['locations'][0]['physicalLocation']
        self.assertEqual((place['artifactLocation']['uri'], place['region']['startLine']), ('web.ks', 2))
        self.assertEqual(self.service.request('POST', '/v1/kickstart/lint?version=RHEL99', wrong)[0], 400)

    def test_the_service_stops_at_once_with_listeners_and_slow_readers(self):
        other = service.Service(bin_folder=self.service.bin)
        self.addCleanup(other.close)
        other.start()
        build = other.submit(TINY, name='stop')
        for path in (f'/v1/builds/{build}/events', '/healthz'):
            connection = socket.create_connection(('127.0.0.1', other.port), 20)
            self.addCleanup(connection.close)
            connection.sendall(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{other.port}\r\n\r\n'.encode())
            connection.recv(10)
        started = time.monotonic()
        self.assertEqual(other.stop(), 0, other.log_tail())
        self.assertLess(time.monotonic() - started, 10)
        self.assertEqual(other.processes(), [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
