# SPDX-License-Identifier: Apache-2.0
"""What could stop the service, and its own stopping: messages with two readings, thousands of connections, no files
left, queues without an end, cancels of workers that do not listen, and SIGTERM in the middle of transfers."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import resource
import signal
import socket
import time
import unittest

import http_test
import service

TINY = http_test.TINY
RELEASE = http_test.RELEASE
DEAF = '''#!/bin/sh
trap '' TERM
while :; do sleep 0.1; done
'''
MANY = 3000


class Stops(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = service.programs()
        cls.addClassCleanup(service.remove, cls.bin)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.most = min(MANY, hard - 200)

    def start(self, *arguments, worker=http_test.WORKER, seeded=False):
        (self.bin / 'xenkiln-worker').write_text(worker)
        served = service.Service(bin_folder=self.bin)
        self.addCleanup(served.close)
        self.files = http_test.seed(served.data) if seeded else {}
        served.start(*arguments)
        self.service, self.host = served, f'127.0.0.1:{served.port}'
        return served

    def connect(self, source='127.0.0.1', timeout=20):
        raw = socket.create_connection(('127.0.0.1', self.service.port), timeout, (source, 0))
        self.addCleanup(raw.close)
        return raw

    def get(self, path, *headers, method='GET', version='1.1'):
        return '\r\n'.join([f'{method} {path} HTTP/{version}', f'Host: {self.host}', *headers, '', '']).encode('latin-1')

    def listen_to(self, build, source='127.0.0.1'):
        """A connection that is at work for as long as the job is."""
        raw = self.connect(source)
        raw.sendall(self.get(f'/v1/builds/{build}/events'))
        return raw, raw.recv(4096)

    def quick(self, seconds, source='127.0.0.1'):
        started = time.monotonic()
        raw = self.connect(source, timeout=seconds + 10)
        raw.sendall(self.get('/healthz', 'Connection: close'))
        self.assertRegex(raw.makefile('rb').read(), rb'^HTTP/1\.1 200 ')
        self.assertLess(time.monotonic() - started, seconds)

    # -- messages with two readings --------------------------------------------------------------
    def answers(self, request):
        """All that comes until the service closes; a second answer is somebody else's."""
        raw = self.connect(timeout=8)
        with contextlib.suppress(OSError):
            raw.sendall(request)
        got = b''
        with contextlib.suppress(ConnectionResetError):
            while piece := raw.recv(65536):
                got += piece
        return got

    def test_a_message_with_two_readings_is_refused_and_the_connection_closed(self):
        self.start()
        smuggled = self.get('/healthz')
        chunked = b'Transfer-Encoding: chunked\r\n'
        heads = [b'Transfer-Encoding: xchunked\r\n', b'Transfer-Encoding: chunked, identity\r\n',
                 b'Transfer-Encoding: identity\r\n', b'Transfer-Encoding: identity, chunked\r\n',
                 b'Transfer-Encoding: gzip, chunked\r\n', b'Transfer-Encoding:\r\n', b'Transfer-Encoding: chunked,\r\n',
                 b'Transfer-Encoding: "chunked"\r\n', b'Transfer-Encoding: chunked;a=b\r\n',
                 b'Transfer-Encoding: \x0bchunked\r\n', b'Transfer-Encoding: chunked\x0b\r\n', chunked * 2,
                 chunked + b'Transfer-Encoding: x\r\n', b'Transfer-Encoding: x\r\n' + chunked,
                 chunked + b'Content-Length: 6\r\n', b'Content-Length: 6\r\n' + chunked,
                 b'Transfer-Encoding : chunked\r\n', b'Transfer-Encoding\t: chunked\r\n', b' Transfer-Encoding: chunked\r\n',
                 b'X: y\r\n Transfer-Encoding: chunked\r\n', b'Transfer-Encoding:\r\n chunked\r\n',
                 b'X: y\nTransfer-Encoding: chunked\r\n', b'X: y\rTransfer-Encoding: chunked\r\n',
                 b'X: y\r\n\rTransfer-Encoding: chunked\r\n', b'X: y\0\r\n' + chunked,
                 b'Content-Length: 5\r\nContent-Length: 6\r\n', b'Content-Length: 5\r\nContent-Length: 5\r\n',
                 b'Content-Length: 5, 5\r\n', b'Content-Length: +5\r\n', b'Content-Length: -5\r\n', b'Content-Length: 0x5\r\n',
                 b'Content-Length: 5 5\r\n', b'Content-Length:\r\n', b'Content-Length: 5\r\n\t0\r\n', b'Content-Length : 5\r\n',
                 b'Content-Length: 18446744073709551621\r\n', b'Content-Length: 99999999999999999999999999\r\n',
                 b'Content-Length: 5\n', b'Content-Length: 5\rX: y\r\n', b'Host: other\r\n', b'Content_Length : 5\r\n']
        messages = {head: head + b'\r\n5\r\nhello\r\n0\r\n\r\n' for head in heads}
        for body in (b'0\r\nXX', b'5;a\nb\r\nhello\r\n0\r\n\r\n', b'5\nhello\r\n0\r\n\r\n', b'0x5\r\nhello\r\n0\r\n\r\n',
                     b'+5\r\nhello\r\n0\r\n\r\n', b'-5\r\nhello\r\n0\r\n\r\n', b' 5\r\nhello\r\n0\r\n\r\n', b'\r\nhello\r\n0\r\n\r\n',
                     b'fffffffffffffffff\r\nhello\r\n0\r\n\r\n', b'10000000000000005\r\nhello\r\n0\r\n\r\n',
                     b'5\r\nhelloXX0\r\n\r\n', b'5\r\nhello\n0\r\n\r\n', b'0\r\n\n', b'5;a\r\r\nhello\r\n0\r\n\r\n',
                     b'0\r\nX: y\n\r\n', b'0\r\n X: y\r\n\r\n', b'0\r\nX : y\r\n\r\n'):
            messages[b'chunks ' + body] = chunked + b'\r\n' + body
        for line in (b'POST /v1/builds HTTP/1.1', b'PUT /v1/uploads/x HTTP/1.1'):
            for name, message in messages.items():
                with self.subTest(line=line, message=name):
                    kind = b'Content-Type: text/x-kickstart\r\n' if line.startswith(b'POST') else b''
                    got = self.answers(line + b'\r\nHost: ' + self.host.encode() + b'\r\n' + kind + message + smuggled)
                    self.assertRegex(got, rb'^HTTP/1\.1 (400|411) ')
                    self.assertEqual(got.count(b'HTTP/1.1 '), 1, got)
                    self.assertIn(b'\r\nConnection: close\r\n', got)
        for line in (b'POST /v1/builds HTTP/1.0', b'POST /v1/builds HTTP/2.0', b'POST /v1/builds HTTP/1.2',
                     b'POST /v1/builds', b'POST  /v1/builds HTTP/1.1', b'POST /v1/builds HTTP/1.1 ', b'POST\t/v1/builds HTTP/1.1'):
            with self.subTest(line=line):
                got = self.answers(line + b'\r\nHost: ' + self.host.encode() + b'\r\n' + chunked + b'\r\n0\r\n\r\n' + smuggled)
                self.assertRegex(got, rb'^HTTP/1\.1 (400|505) ')
                self.assertEqual(got.count(b'HTTP/1.1 '), 1, got)
        self.assertEqual(self.service.json('/v1/builds')['builds'], [])

    def test_what_has_one_reading_is_still_read(self):
        self.start()
        raw = self.connect()
        stream = raw.makefile('rb')
        kind = 'Content-Type: text/x-kickstart'
        for headers, body in ((('Transfer-Encoding: Chunked',), b'3;a=b;c="d e"\r\nlna\r\n3\r\ng C\r\n0\r\nX-T: y\r\n\r\n'),
                              (('transfer-encoding:chunked',), b'6\r\nlnag C\r\n0\r\n\r\n'), (('Content-Length: 6  ',), b'lnag C')):
            raw.sendall(self.get('/v1/builds', kind, *headers, method='POST') + body + self.get('/healthz'))
            self.assertEqual([http_test.Answer(stream).status, http_test.Answer(stream).status], [422, 200], headers)

    def test_what_comes_behind_a_body_is_no_header(self):
        self.start()
        raw = self.connect()
        raw.sendall(self.get('/v1/builds', 'Transfer-Encoding: chunked', method='POST') +
                    b'6\r\nlang C\r\n0\r\nContent-Type: text/x-kickstart\r\n\r\n')
        self.assertEqual(http_test.Answer(raw.makefile('rb')).status, 415)

    # -- many connections -----------------------------------------------------------------------
    def memory(self):
        status = pathlib.Path(f'/proc/{self.service.process.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0])

    def open_idle(self, count, source='127.0.0.1'):
        return [self.connect(source) for _ in range(count)]

    def test_three_thousand_idle_connections_silence_nobody(self):
        self.start()
        self.quick(10)
        before = self.memory()
        idle = self.open_idle(self.most)
        self.quick(10)
        time.sleep(1)
        print(f'\n{len(idle)} idle connections: {(self.memory() - before) / len(idle):.1f} KiB each', flush=True)
        idle[-1].sendall(self.get('/healthz', 'Connection: close'))
        self.assertRegex(idle[-1].recv(100), rb'^HTTP/1\.1 200 ')

    def test_the_idlest_goes_first_and_who_works_stays(self):
        self.start('--connections', '64')
        build = self.service.submit(TINY, name='x')
        listener, _ = self.listen_to(build)
        slow = self.connect()
        slow.sendall(b'GET /healthz HTTP/1.1\r\n')   # half a head is no work
        idle = self.open_idle(self.most)
        self.quick(10)
        for closed in (slow, idle[0], idle[len(idle) // 2]):
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(closed.recv(10), b'')
        idle[-1].sendall(self.get('/healthz', 'Connection: close'))
        self.assertRegex(idle[-1].recv(100), rb'^HTTP/1\.1 200 ')
        listener.settimeout(5)
        self.assertTrue(listener.recv(4096))
        self.service.request('DELETE', f'/v1/builds/{build}')

    def test_without_files_it_neither_spins_nor_ends(self):
        self.start()
        build = self.service.submit(TINY, name='x')
        first, _ = self.listen_to(build)
        files = len(os.listdir(f'/proc/{self.service.process.pid}/fd'))
        service.run_as_user(['prlimit', '--pid', str(self.service.process.pid), f'--nofile={files + 12}:{files + 12}'])
        idle = self.open_idle(60)
        self.quick(10)
        for connection in idle:
            connection.close()
        listeners = []
        for _ in range(40):   # now nobody can be closed
            raw = self.connect()
            raw.sendall(self.get(f'/v1/builds/{build}/events'))
            listeners.append(raw)
        time.sleep(1)
        ticks = self.processor_ticks()
        time.sleep(2)
        self.assertLess(self.processor_ticks() - ticks, os.sysconf('SC_CLK_TCK'), 'of two seconds')
        for raw in [first, *listeners]:
            raw.close()
        time.sleep(1)
        self.quick(10)

    def processor_ticks(self):
        fields = pathlib.Path(f'/proc/{self.service.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def test_an_address_has_its_share(self):
        self.start('--connections-per-address', '5')
        build = self.service.submit(TINY, name='x')
        working = [self.listen_to(build, '127.0.0.2') for _ in range(5)]
        self.assertTrue(all(b'200' in told for _, told in working))
        raw = self.connect('127.0.0.2')
        refused = http_test.Answer(raw.makefile('rb'))
        self.assertEqual((refused.status, refused.headers['retry-after'], refused.headers['content-type']),
                         (503, '5', 'application/problem+json'))
        self.quick(10)
        self.quick(1, '127.0.0.3')
        idle = self.open_idle(8, '127.0.0.3')
        self.assertEqual([c.recv(10) for c in idle[:3]], [b''] * 3)
        self.quick(1, '127.0.0.3')
        many = self.open_idle(20)   # 127.0.0.1 is many clients
        many[0].sendall(self.get('/healthz', 'Connection: close'))
        self.assertRegex(many[0].recv(100), rb'^HTTP/1\.1 200 ')

    def test_a_proxy_that_is_no_address_is_refused(self):
        with self.assertRaises(AssertionError) as refused:
            self.start('--proxy', 'front.example')
        self.assertIn("'front.example' is not an IP address", str(refused.exception))

    # -- the queue ------------------------------------------------------------------------------
    def post(self, number):
        return self.service.request('POST', f'/v1/builds?name=n{number}', TINY.encode(), {'Content-Type': 'text/x-kickstart'})

    def test_a_full_queue_says_so_with_its_numbers(self):
        self.start('--queued-jobs', '3')
        running = self.service.submit(TINY, name='running')
        until = time.monotonic() + 20
        while self.service.state(running)['state'] != 'running' and time.monotonic() < until:
            time.sleep(0.1)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(self.post, range(24)))
        taken = [json.loads(body)['id'] for status, _, body in answers if status == 202]
        self.assertEqual(len(taken), 3, [status for status, _, _ in answers])
        status, headers, body = next(answer for answer in answers if answer[0] != 202)
        told = json.loads(body)
        self.assertEqual((status, headers['content-type'], told['queued'], told['queued_limit']),
                         (429, 'application/problem+json', 3, 3))
        self.assertEqual(int(headers['retry-after']), told['retry_after'])
        conversion = json.dumps({'source': {'url': 'http://192.0.2.1/x.raw'}, 'name': 'c', 'outputs': [{'format': 'raw'}]})
        self.assertEqual(self.service.request('POST', '/v1/conversions', conversion, {'Content-Type': 'application/json'})[0], 429)
        self.assertEqual(sorted(p.name for p in (self.service.data / 'jobs').iterdir()), sorted([running, *taken]))
        self.assertEqual(len(self.service.json('/v1/builds')['builds']), 4)
        self.service.request('DELETE', f'/v1/builds/{taken[0]}')
        self.assertEqual(self.post(99)[0], 202)

    def test_four_cancels_of_deaf_workers_hold_nobody(self):
        self.start('--jobs', '4', worker=DEAF)
        builds = [self.service.submit(TINY, name=f'n{i}') for i in range(4)]
        until = time.monotonic() + 20
        while len(self.service.worker_pids()) < 4 and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.5)   # until they are deaf
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for status, _, _ in pool.map(lambda b: self.service.request('DELETE', f'/v1/builds/{b}'), builds):
                self.assertEqual(status, 202)
        self.assertLess(time.monotonic() - started, 2)
        self.quick(10)
        for build in builds:
            self.assertEqual(self.service.wait(build, 20)['state'], 'cancelled')
        self.assertGreater(time.monotonic() - started, 4.5)
        self.assertEqual(self.service.processes(), [])

    # -- SIGTERM --------------------------------------------------------------------------------
    def begin_download(self):
        raw = self.connect()
        raw.sendall(self.get(f'/download/{RELEASE}/{RELEASE}.xva'))
        return raw, raw.recv(1000)

    def ended(self, raw, seconds):
        """What still came, when the connection has been ended in time."""
        raw.settimeout(seconds)
        pieces = []
        while piece := raw.recv(1 << 20):
            pieces.append(piece)
        return b''.join(pieces)

    def test_sigterm_lets_transfers_end_and_nothing_else(self):
        served = self.start(seeded=True)
        running, waiting = served.submit(TINY, name='running'), served.submit(TINY, name='waiting')
        listener, told = self.listen_to(running)
        idle, half, kept = self.connect(), self.connect(), self.connect()
        half.sendall(b'GET /healthz HTTP/1.1\r\n')
        kept.sendall(self.get('/healthz'))
        kept.recv(4096)
        download, begun = self.begin_download()
        content = b'raw' * 1000000
        upload = self.connect()
        upload.sendall(self.get('/v1/uploads/x', f'Content-Length: {len(content)}', method='PUT') + content[:1000])
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        for raw in (idle, half, kept):
            self.assertEqual(self.ended(raw, 2), b'')
        self.assertIn(b'Transfer-Encoding: chunked', told)
        self.assertTrue(self.ended(listener, 3).endswith(b'\n\n\r\n0\r\n\r\n'))
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.assertIsNone(served.process.poll())
        upload.sendall(content[1000:])
        taken = http_test.Answer(upload.makefile('rb'))
        self.assertEqual((taken.status, taken.headers['connection']), (201, 'close'))
        body = (begun + self.ended(download, 20)).partition(b'\r\n\r\n')[2]
        self.assertEqual(len(body), len(self.files[f'{RELEASE}.xva']))
        self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(self.files[f'{RELEASE}.xva']).digest())
        self.assertEqual(served.process.wait(10), 0)
        self.assertEqual(served.processes(), [])
        served.process.stdout.close()
        served.start()   # what ran is queued again
        self.assertIn(served.state(running)['state'], ('queued', 'running'))
        self.assertEqual(served.state(waiting)['state'], 'queued')

    def test_transfers_have_no_longer_than_the_operator_gives_them(self):
        served = self.start('--stop-seconds', '1', seeded=True)
        self.begin_download()
        started = time.monotonic()
        self.assertEqual(served.stop(), 0)
        self.assertTrue(1 <= time.monotonic() - started < 8)
        self.assertIn('requests cut off: 1', served.log_tail())

    def test_a_second_sigterm_ends_at_once(self):
        served = self.start(seeded=True)
        self.begin_download()
        served.process.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        self.assertIsNone(served.process.poll())
        started = time.monotonic()
        self.assertEqual(served.stop(), 0)
        self.assertLess(time.monotonic() - started, 6)


if __name__ == '__main__':
    unittest.main(verbosity=2)
