# SPDX-License-Identifier: Apache-2.0
"""Which addresses a URL may lead to, tried in a network namespace where public, inner and metadata addresses are all
this machine's own and really have servers, and where the only name server is a test's. Started by fetch_test.py as
`unshare --map-root-user --net --mount python3 fetch_addresses.py XENKILN`."""
import fcntl
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import web

PUBLIC, OTHER_PUBLIC, METADATA, INNER = '93.184.215.14', '151.101.2.132', '169.254.169.254', '10.0.0.5'
PUBLIC6 = '2606:4700::1111'
PORT = 8000
DISK = bytes(range(256)) * 4096


def up():
    """Brings lo up and gives it all addresses."""
    control, control6 = (socket.socket(f, socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6))
    flags = struct.unpack('16sH14x', fcntl.ioctl(control, 0x8913, struct.pack('16sH14x', b'lo', 0)))[1]
    fcntl.ioctl(control, 0x8914, struct.pack('16sH14x', b'lo', flags | 1))
    for number, address in enumerate((PUBLIC, OTHER_PUBLIC, METADATA, INNER), 1):
        name = f'lo:{number}'.encode()
        fcntl.ioctl(control, 0x8916, struct.pack('16sHH4s8x', name, socket.AF_INET, 0, socket.inet_aton(address)))
    fcntl.ioctl(control6, 0x8916, struct.pack('16sIi', socket.inet_pton(socket.AF_INET6, PUBLIC6), 128,
                                              socket.if_nametoindex('lo')))
    control.close()
    control6.close()


class Names:
    """A name server whose answers to one name come one after another, the last one for ever."""

    def __init__(self):
        self.answers = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack('>H', query[at + 1:at + 3])[0]
            family, size = {1: (socket.AF_INET, 4), 28: (socket.AF_INET6, 16)}.get(kind, (None, 0))
            steps = self.answers.get('.'.join(labels).lower(), [[]])
            now = steps.pop(0) if kind == 1 and len(steps) > 1 else steps[0]
            found = [socket.inet_pton(family, a) for a in now if (':' in a) == (kind == 28)] if family else []
            reply = query[:2] + struct.pack('>HHHHH', 0x8180, 1, len(found), 0, 0) + query[12:at + 5]
            for address in found:
                reply += b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 0, size) + address
            self.socket.sendto(reply, client)


class Addresses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        up()
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix='xenkiln-addresses-', dir='/var/tmp'))
        cls.addClassCleanup(subprocess.run, ['rm', '-rf', cls.folder])
        for name, content in (('/etc/resolv.conf', 'nameserver 127.0.0.1\noptions timeout:2 attempts:1\n'),
                              ('/etc/nsswitch.conf', 'hosts: files dns\n'), ('/etc/hosts', '127.0.0.1 localhost\n')):
            mine = cls.folder / pathlib.Path(name).name
            mine.write_text(content)
            subprocess.run(['mount', '--bind', mine, os.path.realpath(name)], check=True)
        cls.names = Names()

    def setUp(self):
        self.names.answers.clear()
        self.public = self.server(PUBLIC)
        self.inner = [self.server(a) for a in ('127.0.0.1', METADATA, INNER)] + [self.server('::1', socket.AF_INET6)]
        for server in (self.public, *self.inner):
            server.paths['/disk.raw'] = web.file(DISK)

    def server(self, address, family=socket.AF_INET, port=PORT, context=None):
        server = web.Web(address, port, family, context)
        self.addCleanup(server.close)
        return server

    def fetch(self, url, *options):
        out = self.folder / 'out.raw'
        out.unlink(missing_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith('_proxy')}
        told = subprocess.run([sys.argv[1], 'convert', url, out, '--spool', self.folder, *options], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return told, out.read_bytes() if out.exists() else None

    def taken(self, url, *options):
        told, content = self.fetch(url, *options)
        self.assertEqual((told.returncode, content == DISK), (0, True), told)

    def refused(self, url, *options, address=None):
        """Nothing came, and no inner server was even asked."""
        told, content = self.fetch(url, *options)
        self.assertEqual((told.returncode, content), (1, None), told)
        self.assertIn(f'has the address {address}, which is not a public one' if address else 'not a public one', told.stderr)
        for server in self.inner:
            self.assertEqual(server.requests, [], told.stderr)
        return told.stderr

    def redirected(self, to):
        self.public.paths['/go.raw'] = web.redirect(to)
        return f'http://{PUBLIC}:{PORT}/go.raw'

    def test_public_addresses_are_fetched_from(self):
        self.taken(f'http://{PUBLIC}:{PORT}/disk.raw', '--public-only')
        self.names.answers['cloud.example'] = [[PUBLIC]]
        self.taken(f'http://cloud.example:{PORT}/disk.raw', '--public-only')
        other = self.server(OTHER_PUBLIC)
        other.paths['/disk.raw'] = web.file(DISK)
        self.taken(self.redirected(f'http://{OTHER_PUBLIC}:{PORT}/disk.raw'))
        six = self.server(PUBLIC6, socket.AF_INET6)
        six.paths['/disk.raw'] = web.file(DISK)
        self.taken(self.redirected(f'http://[{PUBLIC6}]:{PORT}/disk.raw'))

    def test_a_redirect_to_an_inner_address_is_refused_however_it_is_spelled(self):
        for host, address in (('127.0.0.1', '127.0.0.1'), ('localhost', None), ('2130706433', '127.0.0.1'),
                              ('0x7f000001', '127.0.0.1'), ('0177.0.0.1', '127.0.0.1'), ('127.1', '127.0.0.1'),
                              ('0', '0.0.0.0'), ('[::1]', '::1'), ('[::]', '::'),
                              ('[::ffff:127.0.0.1]', '::ffff:127.0.0.1'), ('[::ffff:a9fe:a9fe]', '::ffff:169.254.169.254'),
                              ('[64:ff9b::7f00:1]', None), ('[2002:7f00:1::]', None), ('[fe80::1]', None),
                              (METADATA, METADATA), ('2852039166', METADATA), ('0xa9fea9fe', METADATA), (INNER, INNER),
                              ('0x0a.5', INNER)):
            self.refused(self.redirected(f'http://{host}:{PORT}/disk.raw'), address=address)
        told, content = self.fetch(self.redirected(f'http://127.0.0.1.:{PORT}/disk.raw'))
        self.assertEqual((told.returncode, content, self.inner[0].requests), (1, None, []), told)

    def test_names_of_inner_addresses_are_refused(self):
        self.names.answers['meta.example'] = [[METADATA]]
        self.names.answers['loop6.example'] = [['::1']]
        self.names.answers['mapped.example'] = [['::ffff:10.0.0.5']]
        for name in ('meta.example', 'loop6.example', 'mapped.example'):
            self.refused(f'http://{name}:{PORT}/disk.raw', '--public-only')
            self.refused(self.redirected(f'http://{name}:{PORT}/disk.raw'))
        self.inner[1].paths['/go.raw'] = self.inner[1].paths['/disk.raw']
        self.taken(f'http://meta.example:{PORT}/disk.raw')   # typed by whoever sits here, as with curl
        self.taken(self.redirected(f'http://meta.example:{PORT}/disk.raw'), '--allow-host', f'meta.example:{PORT}')

    def test_a_name_that_was_public_and_becomes_an_inner_address_does_not_win(self):
        for inner in ('127.0.0.1', METADATA, INNER):
            # At a redirect, and when a broken connection is made again: by an address typed here, and by a stranger's.
            for options in ((), ('--public-only',)):
                self.public.paths['/go.raw'] = web.redirect(f'http://rebind.example:{PORT}/disk.raw')
                self.names.answers['rebind.example'] = [[PUBLIC], [inner]]
                self.refused(f'http://rebind.example:{PORT}/go.raw', *options, address=inner)
                self.public.paths['/cut.raw'] = web.file(DISK, breaks=[1000] * 9)
                self.names.answers['rebind.example'] = [[PUBLIC], [PUBLIC], [inner]]
                self.refused(f'http://rebind.example:{PORT}/cut.raw', *options, address=inner)
            self.names.answers['rebind.example'] = [[inner], [PUBLIC]]
            self.refused(f'http://rebind.example:{PORT}/disk.raw', '--public-only', address=inner)

    def test_an_inner_server_may_send_on_to_itself_only(self):
        self.inner[2].paths['/go.raw'] = web.redirect('/disk.raw')
        self.taken(f'http://{INNER}:{PORT}/go.raw')
        self.inner[2].requests.clear()
        self.inner[2].paths['/go.raw'] = web.redirect(f'http://{METADATA}:{PORT}/disk.raw')
        told, _ = self.fetch(f'http://{INNER}:{PORT}/go.raw')
        self.assertIn(f'has the address {METADATA}, which is not a public one', told.stderr)
        self.assertEqual(self.inner[1].requests, [])

    def test_from_https_to_http_only_with_a_digest(self):
        key, certificate = self.folder / 'key.pem', self.folder / 'certificate.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                        '-subj', '/CN=cloud.example', '-addext', 'subjectAltName=DNS:cloud.example', '-keyout', key,
                        '-out', certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        secure = self.server(PUBLIC, port=8443, context=context)
        secure.paths['/disk.raw'] = web.file(DISK)
        secure.paths['/go.raw'] = web.redirect(f'http://{PUBLIC}:{PORT}/disk.raw')
        self.names.answers['cloud.example'] = self.names.answers['wrong.example'] = [[PUBLIC]]
        told, content = self.fetch('https://cloud.example:8443/disk.raw')
        self.assertEqual((told.returncode, content), (1, None), 'nobody knows this certificate yet')
        self.assertIn('certificate', told.stderr)
        subprocess.run(['mount', '--bind', certificate, os.path.realpath('/etc/ssl/certs/ca-certificates.crt')], check=True)
        self.taken('https://cloud.example:8443/disk.raw')
        told, content = self.fetch('https://wrong.example:8443/disk.raw')
        self.assertEqual((told.returncode, content), (1, None), 'the certificate is of another name')
        told, content = self.fetch('https://cloud.example:8443/go.raw')
        self.assertEqual((told.returncode, content), (1, None))
        self.assertIn('redirects from https to http', told.stderr)
        self.taken('https://cloud.example:8443/go.raw', '--sha256', web.sha256(DISK))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
