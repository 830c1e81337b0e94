# SPDX-License-Identifier: Apache-2.0
"""A web server of a test's own that answers as no good one would."""
import contextlib
import hashlib
import re
import socket
import threading


class Request:
    def __init__(self, method, path, headers, connection):
        self.method, self.path, self.headers, self.connection = method, path, headers, connection

    def send(self, text):
        self.connection.sendall(text if isinstance(text, bytes) else text.encode('latin-1'))

    def answer(self, status, *headers, body=b''):
        if not any(h.lower().startswith(('content-length', 'transfer-encoding')) for h in headers):
            headers = (*headers, f'Content-Length: {len(body)}')
        self.send('\r\n'.join([f'HTTP/1.1 {status} X', *headers, 'Connection: close', '', '']).encode('latin-1') + body)

    def first(self):
        """Where the range that is asked for begins; 0: none is."""
        found = re.fullmatch(r'bytes=(\d+)-(\d*)', self.headers.get('range', ''))
        return int(found[1]) if found else 0


class Web:
    """`paths` is path → function(request); what was asked for is in `requests`."""

    def __init__(self, host='127.0.0.1', port=0, family=socket.AF_INET, context=None):
        self.paths, self.requests, self.sent = {}, [], 0
        self.context = context
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.url = f'http://{host}:{self.port}'
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def asked(self, path):
        return [request for request in self.requests if request.path == path]

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, contextlib.ExitStack() as stack:
            connection.settimeout(30)
            if self.context:
                connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
            head = b''
            while b'\r\n\r\n' not in head:
                got = connection.recv(65536)
                if not got:
                    return
                head += got
            lines = head.decode('latin-1').split('\r\n')
            method, path, _ = lines[0].split(' ')
            headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(':') for line in lines[1:]) if n}
            request = Request(method, path, headers, connection)
            with self.lock:
                self.requests.append(request)
            handler = self.paths.get(path.partition('?')[0])
            if handler:
                handler(request)
            else:
                request.answer(404)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass


def file(content, *headers, etag='"one"', breaks=(), ranges=True):
    """A file as good servers give it; the answers of which breaks[n] is said end after so many bytes."""
    breaks = list(breaks)

    def handler(request):
        first, last, status = 0, len(content), 200
        asked = re.fullmatch(r'bytes=(\d+)-(\d*)', request.headers.get('range', '')) if ranges else None
        if asked and request.headers.get('if-range', etag) == etag:
            first, status = int(asked[1]), 206
            last = min(int(asked[2]) + 1, last) if asked[2] else last
            if first >= len(content):
                return request.answer(416, f'Content-Range: bytes */{len(content)}')
        more = [f'Content-Range: bytes {first}-{last - 1}/{len(content)}'] if status == 206 else []
        if etag:
            more.append(f'ETag: {etag}')
        if ranges:
            more.append('Accept-Ranges: bytes')
        body = content[first:last]
        request.answer(status, *headers, *more, f'Content-Length: {len(body)}',
                       body=body[:breaks.pop(0)] if breaks else body)
        request.body_size = len(body)
    return handler


def redirect(to, status=302):
    return lambda request: request.answer(status, f'Location: {to}', body=b'elsewhere')


def sha256(content):
    return hashlib.sha256(content).hexdigest()
