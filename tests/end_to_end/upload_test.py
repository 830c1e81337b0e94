# SPDX-License-Identifier: Apache-2.0
"""Uploads over real HTTP: tus with broken connections, kill -9 and restarts, plain PUT by curl, refusals before the
first byte, limits, expiry, two writers, slow writers, and the command `xenkiln upload` interrupted and run again."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import service

MIB = 1 << 20
CHUNK = 'application/offset+octet-stream'


def checksum(kind, data):
    return f'{kind} {base64.b64encode(hashlib.new(kind, data).digest()).decode()}'


def rss_peak(pid):
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().split('\n'):
        if line.startswith('VmHWM'):
            return int(line.split()[1]) * 1024
    raise AssertionError('no VmHWM')


class Proxy:
    """Between a client and the service. When so many bytes in all have gone towards the service, the connection of the
    moment is cut, or, for a negative number, held without a sound."""

    def __init__(self, port, stops):
        self.port_of_service, self.stops = port, list(stops)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.held = threading.Event()
        self.carried = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(('127.0.0.1', self.port_of_service))
                threading.Thread(target=self.carry, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self.carry, args=(server, client, False), daemon=True).start()

    def carry(self, source, sink, up):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if up:
                    self.carried += len(data)
                    if self.stops and self.carried >= abs(self.stops[0]):
                        if self.stops.pop(0) < 0:
                            self.held.set()
                            time.sleep(60)
                        break
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
                one.close()

    def close(self):
        self.listener.close()


class Uploads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = service.programs()
        cls.addClassCleanup(service.remove, cls.bin)
        cls.service = cls.started()
        cls.addClassCleanup(cls.service.close)
        cls.content = random.Random(1).randbytes(112 * MIB)

    @classmethod
    def started(cls, *arguments):
        one = service.Service(bin_folder=cls.bin)
        try:
            return one.start(*arguments)
        except BaseException:
            one.close()
            raise

    def tearDown(self):
        self.assertEqual(self.service.request('GET', '/healthz', timeout=5)[0], 200)
        for upload in self.service.json('/v1/uploads')['uploads']:
            self.delete(upload['id'])
        self.assertEqual(os.listdir(self.service.data / 'uploads'), [])

    def delete(self, upload, seconds=10):
        until = time.monotonic() + seconds
        while (status := self.service.request('DELETE', f'/v1/uploads/{upload}')[0]) == 423:
            self.assertLess(time.monotonic(), until, 'the upload stays locked')
            time.sleep(0.05)
        self.assertEqual(status, 204)

    def tus(self, method, path, headers=None, body=None, at=None):
        return (at or self.service).request(method, path, body, {'Tus-Resumable': '1.0.0'} | (headers or {}))

    def create(self, size, name='disk.raw', at=None):
        status, headers, body = self.tus('POST', '/v1/uploads', {
            'Upload-Length': str(size), 'Upload-Metadata': 'filename ' + base64.b64encode(name.encode()).decode()}, at=at)
        self.assertEqual(status, 201, body)
        return headers['location'].rsplit('/', 1)[1]

    def patch(self, upload, offset, data, **more):
        return self.tus('PATCH', f'/v1/uploads/{upload}', {
            'Upload-Offset': str(offset), 'Content-Type': CHUNK} | {k.replace('_', '-'): v for k, v in more.items()}, data)

    def offset(self, upload):
        """What HEAD tells, which must really be there."""
        status, headers, body = self.tus('HEAD', f'/v1/uploads/{upload}')
        self.assertEqual((status, body), (200, b''))
        told = int(headers['upload-offset'])
        self.assertLessEqual(told, os.stat(self.file(upload)).st_size)
        return told

    def file(self, upload):
        return self.service.data / 'uploads' / upload / 'data'

    def stored(self, upload):
        return self.file(upload).read_bytes()

    def settled(self, upload, least, seconds=10):
        """The offset once it is at least that: a broken connection is noticed a moment later."""
        until = time.monotonic() + seconds
        while (told := self.offset(upload)) < least:
            self.assertLess(time.monotonic(), until, f'{told} of {least} bytes were kept')
            time.sleep(0.02)
        return told

    def connect(self, head, at=None):
        one = at or self.service
        raw = socket.create_connection(('127.0.0.1', one.port), 20)
        self.addCleanup(raw.close)
        lines = [head[0], f'Host: 127.0.0.1:{one.port}', *head[1:], '', '']
        raw.sendall('\r\n'.join(lines).encode())
        return raw

    def begin(self, upload, offset, length, *more):
        return self.connect([f'PATCH /v1/uploads/{upload} HTTP/1.1', 'Tus-Resumable: 1.0.0', f'Content-Type: {CHUNK}',
                             f'Upload-Offset: {offset}', f'Content-Length: {length}', *more])

    # -- breaks -------------------------------------------------------------------------------------
    def test_breaks_a_kill_and_a_restart_lose_nothing_that_was_told(self):
        content, whole = memoryview(self.content), len(self.content)
        upload = self.create(whole)
        before, at = rss_peak(self.service.process.pid), 0
        for part, reset in ((20 * MIB + 77, False), (9 * MIB + 1, True), (71 * MIB + 5, False)):
            # Three connections that break within their chunk, one of them with a reset.
            connection = self.begin(upload, at, whole - at)
            connection.sendall(content[at:at + part])
            if reset:
                time.sleep(0.5)  # what the service has not read yet goes with a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            connection.close()
            now = self.settled(upload, at + (0 if reset else part))
            self.assertLessEqual(now, at + part)
            if reset:
                now = self.settled(upload, at + 1)
            at = now
        growth = rss_peak(self.service.process.pid) - before
        self.assertLess(growth, 40 * MIB, 'the service gathers what it should write')

        connection = self.begin(upload, at, whole - at)
        connection.sendall(content[at:at + 3 * MIB])
        until = time.monotonic() + 10
        while os.stat(self.file(upload)).st_size < at + 2 * MIB and time.monotonic() < until:
            time.sleep(0.01)
        self.service.kill9()
        self.service.start()
        now = self.offset(upload)
        self.assertGreaterEqual(now, at + 2 * MIB)  # the kernel had them
        at = now
        # A chunk with a checksum whose connection breaks, and one that a kill interrupts, are taken back.
        for kill in (False, True):
            connection = self.begin(upload, at, MIB, 'Upload-Checksum: ' + checksum('sha1', content[at:at + MIB]))
            connection.sendall(content[at:at + MIB // 2])
            until = time.monotonic() + 10
            while os.stat(self.file(upload)).st_size < at + MIB // 2 and time.monotonic() < until:
                time.sleep(0.01)
            if kill:
                self.service.kill9()
                self.service.start()
            else:
                connection.close()
                until = time.monotonic() + 10
                while os.stat(self.file(upload)).st_size > at and time.monotonic() < until:
                    time.sleep(0.01)
            self.assertEqual((self.offset(upload), os.stat(self.file(upload)).st_size), (at, at))
        self.assertEqual(self.service.stop(), 0)
        self.service.start()
        for kind in ('sha1', 'sha256', 'md5'):
            while (now := self.offset(upload)) < at:
                pass
            part = content[at:at + 2 * MIB]
            status, headers, body = self.patch(upload, at, part, Upload_Checksum=checksum(kind, part))
            self.assertEqual(status, 204, body)
            at = int(headers['upload-offset'])
        self.assertEqual(self.patch(upload, at, content[at:])[0], 204)
        self.assertTrue(self.service.json(f'/v1/uploads/{upload}')['complete'])
        self.assertEqual(hashlib.sha256(self.stored(upload)).digest(), hashlib.sha256(content).digest())
        self.assertEqual(self.file(upload).stat().st_mode & 0o777, 0o600)
        self.assertEqual((self.service.data / 'uploads').stat().st_mode & 0o777, 0o700)

    def test_stopping_keeps_what_came(self):
        self.service.stop()
        self.service.start('--stop-seconds', '1')   # what a transfer has to end by itself; this one does not
        upload = self.create(MIB)
        connection = self.begin(upload, 0, MIB)
        connection.sendall(self.content[:MIB // 2])
        time.sleep(0.3)
        started = time.monotonic()
        self.assertEqual(self.service.stop(), 0)
        self.assertLess(time.monotonic() - started, 20)
        self.service.start()
        self.assertIn(self.offset(upload), (MIB // 4, MIB // 2))  # pieces of 256 KiB

    # -- refusals -----------------------------------------------------------------------------------
    def test_every_code_of_tus(self):
        upload = self.create(100)
        at = f'/v1/uploads/{upload}'
        for expected, answer in (
                (409, self.patch(upload, 1, b'x')), (415, self.patch(upload, 0, b'x', Content_Type='text/plain')),
                (413, self.patch(upload, 0, bytes(101))), (400, self.patch(upload, 0, b'x', Upload_Checksum='crc 1')),
                (460, self.patch(upload, 0, b'x', Upload_Checksum=checksum('sha1', b'y'))),
                (404, self.patch('0' * 32, 0, b'x')), (412, self.patch(upload, 0, b'x', Tus_Resumable='0.1')),
                (412, self.service.request('PATCH', at, b'x', {'Upload-Offset': '0', 'Content-Type': CHUNK})),
                (400, self.tus('POST', '/v1/uploads')), (413, self.tus('POST', '/v1/uploads', {'Upload-Length': str(1 << 62)})),
                (400, self.tus('POST', '/v1/uploads', {'Upload-Length': '1', 'Upload-Metadata': 'a b c'})),
                (405, self.tus('POST', at)), (404, self.tus('HEAD', '/v1/uploads/no')),
                (403, self.patch(upload, 0, b'x', Host='evil.example')),
                (403, self.patch(upload, 0, b'x', Origin='http://evil.example'))):
            status, headers, body = answer
            self.assertEqual(status, expected, body)
            if status != 403:
                self.assertEqual(headers['tus-resumable'], '1.0.0')
        self.assertEqual(self.offset(upload), 0)
        status, headers, _ = self.service.request('OPTIONS', '/v1/uploads')
        self.assertEqual((status, headers['tus-version']), (204, '1.0.0'))
        self.assertNotIn('content-length', headers)
        self.assertEqual(set(headers['tus-extension'].split(',')),
                         {'creation', 'creation-with-upload', 'checksum', 'expiration', 'termination'})
        self.assertEqual(self.patch(upload, 0, b'x' * 100)[0], 204)
        self.assertEqual(self.patch(upload, 100, b'')[0], 204)
        self.assertEqual(self.patch(upload, 100, b'x')[0], 413)

    def test_chunked_bodies_are_kept_to_the_size_too(self):
        upload = self.create(8)
        for data, expected in (([b'0123', b'45'], 204), ([b'6789'], 413)):
            connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=20)
            self.addCleanup(connection.close)
            connection.request('PATCH', f'/v1/uploads/{upload}', iter(data), {
                'Tus-Resumable': '1.0.0', 'Content-Type': CHUNK, 'Upload-Offset': str(self.offset(upload)),
                'Transfer-Encoding': 'chunked'}, encode_chunked=True)
            self.assertEqual(connection.getresponse().status, expected)
        self.assertEqual(self.settled(upload, 6), 6)

    def test_two_writers(self):
        upload = self.create(MIB)
        first = self.begin(upload, 0, MIB)
        first.sendall(self.content[:1000])
        time.sleep(0.2)
        self.assertEqual(self.patch(upload, 0, self.content[:MIB])[0], 423)
        self.assertEqual(self.tus('DELETE', f'/v1/uploads/{upload}')[0], 423)
        first.sendall(self.content[1000:MIB])
        self.assertIn(b' 204 ', first.recv(4096))
        self.assertEqual(self.stored(upload), self.content[:MIB])

    def test_a_refusal_comes_before_the_body_is_sent(self):
        disk = os.statvfs(self.service.data)
        length = disk.f_bavail * disk.f_frsize
        huge = ['Expect: 100-continue', f'Content-Length: {length}']  # and some is left free
        refused = b' 507 ' if length <= 1 << 40 else b' 413 '         # --upload-size
        for head, expected in ((['PUT /v1/uploads/huge.raw HTTP/1.1', *huge], refused),
                               (['PUT /v1/uploads/huge.raw HTTP/1.1', 'Origin: http://evil.example', *huge], b' 403 '),
                               (['PUT /v1/builds HTTP/1.1', *huge], b' 413 ')):
            connection = self.connect(head)
            answer = connection.makefile('rb').read()  # until it closes: nothing is waited for
            self.assertIn(expected, answer.split(b'\r\n')[0])
            self.assertNotIn(b'100 Continue', answer)
        connection = self.connect(['PUT /v1/uploads/small.raw HTTP/1.1', 'Expect: 100-continue', 'Content-Length: 4'])
        self.assertIn(b'100 Continue', connection.recv(4096))
        connection.sendall(b'0123')
        self.assertIn(b' 201 ', connection.recv(4096))
        self.assertEqual(len(self.service.json('/v1/uploads')['uploads']), 1)

    def test_limits_of_size_and_count(self):
        other = self.started('--upload-size', '10MiB', '--upload-count', '2')
        self.addCleanup(other.close)
        folder = service.folder_of_user('upload')
        self.addCleanup(service.remove, folder)
        with open(folder / 'large', 'wb') as file:
            file.truncate(3 << 30)
        told = subprocess.run(['curl', '-sS', '--noproxy', '*', '-o', '/dev/null', '-w', '%{http_code} %{size_upload}', '-T',
                               folder / 'large', f'http://127.0.0.1:{other.port}/v1/uploads/'],
                              capture_output=True, text=True, timeout=20, check=False).stdout
        self.assertEqual(told, '413 0')  # curl had not begun to send
        status, _, body = self.tus('POST', '/v1/uploads', {'Upload-Length': str(10 * MIB + 1)}, at=other)
        self.assertEqual(status, 413)
        self.assertIn(str(10 * MIB + 1).encode(), body)
        self.assertIn(str(10 * MIB).encode(), body)
        self.create(1, at=other)
        self.create(10 * MIB, at=other)
        status, _, body = self.tus('POST', '/v1/uploads', {'Upload-Length': '1'}, at=other)
        self.assertEqual(status, 507)
        self.assertIn(b'2 uploads, at most 2', body)

    def test_expiry(self):
        other = self.started('--upload-seconds', '2')
        self.addCleanup(other.close)
        upload = self.create(10, at=other)
        status, headers, _ = self.tus('HEAD', f'/v1/uploads/{upload}', at=other)
        self.assertRegex(headers['upload-expires'], r'^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$')
        self.assertEqual(other.request('PUT', '/v1/uploads/done.raw', b'01')[0], 201)
        until = time.monotonic() + 10
        while os.listdir(other.data / 'uploads') and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(os.listdir(other.data / 'uploads'), [])
        self.assertIn(self.tus('HEAD', f'/v1/uploads/{upload}', at=other)[0], (404, 410))

    # -- plain PUT ----------------------------------------------------------------------------------
    def test_put_by_curl_and_a_broken_one_gone_on_with_by_tus(self):
        folder = service.folder_of_user('upload')
        self.addCleanup(service.remove, folder)
        (folder / 'my disk.qcow2').write_bytes(self.content[:5 * MIB])
        ran = subprocess.run(['curl', '-sS', '--noproxy', '*', '-T', folder / 'my disk.qcow2',
                              f'http://127.0.0.1:{self.service.port}/v1/uploads/'],
                             capture_output=True, timeout=20, check=True)
        told = json.loads(ran.stdout)
        self.assertEqual((told['name'], told['complete'], told['size']), ('my disk.qcow2', True, 5 * MIB))
        self.assertEqual(self.stored(told['id']), self.content[:5 * MIB])
        status, headers, _ = self.service.request('PUT', '/v1/uploads/..%2F..%2Fevil', b'x')
        self.assertEqual(self.service.json(headers['location'])['name'], 'evil')
        connection = self.connect(['PUT /v1/uploads/broken.raw HTTP/1.1', f'Content-Length: {MIB}'])
        connection.sendall(self.content[:MIB // 2 + 3])
        connection.close()
        until = time.monotonic() + 10
        while not (found := [one['id'] for one in self.service.json('/v1/uploads')['uploads'] if one['name'] == 'broken.raw']):
            self.assertLess(time.monotonic(), until)
        upload = found[0]
        at = self.settled(upload, MIB // 2 + 3)
        self.assertEqual(self.patch(upload, at, self.content[at:MIB])[0], 204)
        self.assertEqual(self.stored(upload), self.content[:MIB])
        connection = self.connect(['PUT /v1/uploads/x HTTP/1.1', 'Transfer-Encoding: chunked'])
        self.assertIn(b' 411 ', connection.recv(4096))

    # -- many ---------------------------------------------------------------------------------------
    def test_slow_writers_hold_no_thread(self):
        uploads = [self.create(MIB) for _ in range(40)]
        connections = [self.begin(upload, 0, MIB) for upload in uploads]
        for connection in connections:
            connection.sendall(self.content[:1000])
        for _ in range(3):
            started = time.monotonic()
            upload = self.create(4 * MIB)
            self.assertEqual(self.patch(upload, 0, self.content[:4 * MIB])[0], 204)
            self.assertEqual(self.service.request('GET', '/healthz')[0], 200)
            self.assertLess(time.monotonic() - started, 5)
            for connection in connections:
                connection.sendall(self.content[1000:1001])
        for connection in connections:
            connection.close()
        for upload in uploads:
            self.assertEqual(self.settled(upload, 1003), 1003)

    # -- the command --------------------------------------------------------------------------------
    def command(self, file, server, state, *more):
        arguments = service.as_user()
        arguments['env']['XDG_STATE_HOME'] = str(state)
        return subprocess.Popen([self.bin / 'xenkiln', 'upload', file, '--server', server, *more], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **arguments)

    def test_the_command_goes_on_after_breaks_and_when_it_is_run_again(self):
        folder = service.folder_of_user('upload')
        self.addCleanup(service.remove, folder)
        (folder / 'disk.raw').write_bytes(self.content[:48 * MIB])
        proxy = Proxy(self.service.port, [20 * MIB, -33 * MIB])
        self.addCleanup(proxy.close)
        first = self.command(folder / 'disk.raw', f'http://127.0.0.1:{proxy.port}', folder / 'state')
        self.addCleanup(first.kill)
        self.assertTrue(proxy.held.wait(30), 'the command did not go on after its connection was cut')
        first.kill()
        self.assertIn('trying again', first.communicate(timeout=10)[1])
        kept = list((folder / 'state/xenkiln/uploads').iterdir())
        self.assertEqual(len(kept), 1)
        self.assertEqual(kept[0].stat().st_mode & 0o777, 0o600)
        self.service.kill9()
        self.service.start()
        proxy.port_of_service, proxy.carried = self.service.port, 0
        again = self.command(folder / 'disk.raw', f'http://127.0.0.1:{proxy.port}', folder / 'state')
        out, err = again.communicate(timeout=60)
        self.assertEqual(again.returncode, 0, err)
        self.assertIn('going on at 25165824 of 50331648 bytes', err)  # three chunks of 8 MiB
        self.assertLess(proxy.carried, 25 * MIB)
        upload = out.split('id: ')[1].split('\n')[0]
        self.assertIn(f'address: http://127.0.0.1:{proxy.port}/v1/uploads/{upload}\n', out)
        self.assertEqual(self.stored(upload), self.content[:48 * MIB])
        self.assertEqual([one['id'] for one in self.service.json('/v1/uploads')['uploads']], [upload])
        self.assertEqual(self.service.json(f'/v1/uploads/{upload}')['name'], 'disk.raw')
        self.assertEqual(list((folder / 'state/xenkiln/uploads').iterdir()), [])

    def test_the_command_shows_progress_on_a_terminal(self):
        folder = service.folder_of_user('upload')
        self.addCleanup(service.remove, folder)
        (folder / 'disk.raw').write_bytes(self.content[:9 * MIB])
        terminal, inner = os.openpty()
        self.addCleanup(os.close, terminal)
        arguments = service.as_user()
        arguments['env']['XDG_STATE_HOME'] = str(folder / 'state')
        ran = subprocess.run([self.bin / 'xenkiln', 'upload', folder / 'disk.raw', '--name', '../named.raw', '--server',
                              f'http://localhost:{self.service.port}/'], stderr=inner, stdout=subprocess.PIPE, timeout=30,
                             check=False, **arguments)
        os.close(inner)
        self.assertEqual(ran.returncode, 0)
        self.assertRegex(os.read(terminal, 65536), rb'\d+\.\d %  \d+ MB/s  \d+ s left')
        upload = ran.stdout.decode().split('id: ')[1].split('\n')[0]
        self.assertEqual(self.service.json(f'/v1/uploads/{upload}')['name'], 'named.raw')

    def test_the_command_says_what_is_wrong(self):
        folder = service.folder_of_user('upload')
        self.addCleanup(service.remove, folder)
        (folder / 'disk.raw').write_bytes(b'x')
        other = self.started('--upload-size', '0')
        self.addCleanup(other.close)
        for file, server, said in ((folder / 'none', f'http://127.0.0.1:{other.port}', 'none: No such file'),
                                   (folder / 'disk.raw', 'ftp://127.0.0.1/', 'not the http or https address'),
                                   (folder / 'disk.raw', f'http://127.0.0.1:{other.port}', '413: the upload has 1 bytes')):
            ran = self.command(file, server, folder / 'state')
            out, err = ran.communicate(timeout=20)
            self.assertEqual((ran.returncode, out), (1, ''), err)
            self.assertIn(said, err)


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    unittest.main(verbosity=2)
