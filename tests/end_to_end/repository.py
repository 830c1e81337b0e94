# SPDX-License-Identifier: Apache-2.0
"""A small signed apt repository on 127.0.0.1, and packages of the test's own for it."""
import functools
import http.server
import pathlib
import shutil
import subprocess
import tempfile
import threading

DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'


class Repository:
    """pool/ takes .deb files; publish() writes the indices of one suite and signs them."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix='xenkiln-repository-', dir='/var/tmp'))
        self.root.chmod(0o755)
        (self.root / 'repo/pool').mkdir(parents=True)
        self.home = self.root / 'gnupg'
        self.home.mkdir(mode=0o700)
        self.gpg('--passphrase', '', '--quick-generate-key', 'test repository', 'rsa2048', 'sign', 'never')
        self.keys = self.root / 'keys.gpg'
        own = self.gpg('--export').stdout
        self.keys.write_bytes(pathlib.Path(DEBIAN_KEYS).read_bytes() + own)
        self.own_keys = self.root / 'own.gpg'
        self.own_keys.write_bytes(own)
        for path in (self.keys, self.own_keys):
            path.chmod(0o644)
        handler = functools.partial(Quiet, directory=str(self.root / 'repo'))
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.server.asked = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f'127.0.0.1:{self.server.server_port}'
        self.url = f'http://{self.host}/'

    def gpg(self, *arguments, data=None):
        return subprocess.run(['gpg', '--homedir', self.home, '--batch', '--yes', *arguments], input=data,
                              capture_output=True, check=True)

    def package(self, name, scripts=None, files=None, depends='', version='1.0'):
        """A .deb of files (path → content) and maintainer scripts (name → text)."""
        tree = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        tree.chmod(0o755)
        control = tree / 'DEBIAN'
        control.mkdir(mode=0o755)
        (control / 'control').write_text(
            f'Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Test <test@example.org>\n'
            + (f'Depends: {depends}\n' if depends else '') + 'Description: for a test\n')
        for path, content in (files or {}).items():
            (tree / path.lstrip('/')).parent.mkdir(parents=True, exist_ok=True)
            (tree / path.lstrip('/')).write_text(content)
        for script, text in (scripts or {}).items():
            (control / script).write_text(text)
            (control / script).chmod(0o755)
        subprocess.run(['dpkg-deb', '--root-owner-group', '--build', tree, self.root / 'repo/pool'], check=True,
                       capture_output=True)
        shutil.rmtree(tree)

    def publish(self, suite, components=('main',)):
        repo = self.root / 'repo'
        for component in components:
            folder = repo / f'dists/{suite}/{component}/binary-amd64'
            folder.mkdir(parents=True, exist_ok=True)
            packages = b''
            if component == components[0]:
                packages = subprocess.run(['apt-ftparchive', 'packages', 'pool'], cwd=repo, capture_output=True, check=True).stdout
            (folder / 'Packages').write_bytes(packages)
        release = subprocess.run(
            ['apt-ftparchive', '-o', f'APT::FTPArchive::Release::Suite={suite}', '-o',
             f'APT::FTPArchive::Release::Codename={suite}', '-o', f'APT::FTPArchive::Release::Components={" ".join(components)}',
             '-o', 'APT::FTPArchive::Release::Architectures=amd64', 'release', f'dists/{suite}'],
            cwd=repo, capture_output=True, check=True).stdout
        (repo / f'dists/{suite}/Release').write_bytes(release)
        self.gpg('--clearsign', '-o', repo / f'dists/{suite}/InRelease', data=release)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        subprocess.run(['gpgconf', '--homedir', self.home, '--kill', 'all'], check=False)
        shutil.rmtree(self.root, ignore_errors=True)


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        self.server.asked.append(self.path)
