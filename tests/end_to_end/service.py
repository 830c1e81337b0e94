# SPDX-License-Identifier: Apache-2.0
"""A real xenkiln service for a test: its own data folder, its own port, an ordinary user."""
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get('XENKILN_BIN', SOURCE / 'build/dev/bin'))
SHARED = pathlib.Path(os.environ.get('XENKILN_SHARED', SOURCE.parent / 'shared'))


def ordinary_user():
    """The user to run as: ourselves, or XENKILN_TEST_USER when the tests were started by root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    name = os.environ.get('XENKILN_TEST_USER', 'xenkiln')
    try:
        return pwd.getpwnam(name)
    except KeyError:
        sys.exit(f'started by root, and there is no user {name}: run packaging/service-user, '
                 'or name another in XENKILN_TEST_USER')


USER = ordinary_user()


def as_user():
    """Arguments for subprocess that give up root for good."""
    environment = {'PATH': os.environ['PATH'], 'HOME': USER.pw_dir, 'LANG': 'C.UTF-8',
                   'USER': USER.pw_name, 'LOGNAME': USER.pw_name}
    for name, value in os.environ.items():
        if name.endswith('SAN_OPTIONS') or name.lower().endswith('_proxy'):
            environment[name] = value
    arguments = {'env': environment, 'stdin': subprocess.DEVNULL}
    if os.geteuid() == 0:
        arguments |= {'user': USER.pw_uid, 'group': USER.pw_gid, 'extra_groups': []}
    return arguments


def run_as_user(command, **more):
    return subprocess.run(command, **(as_user() | {'text': True, 'capture_output': True} | more))


def folder_of_user(prefix, parent=None):
    """A new folder that USER owns; 0711, as a service's data folder may be."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f'xenkiln-{prefix}-', dir=parent or '/var/tmp'))
    os.chown(folder, USER.pw_uid, USER.pw_gid)
    folder.chmod(0o711)
    return folder


def programs():
    """Copies of the programs under test where USER can run them, whoever owns the checkout."""
    folder = folder_of_user('bin')
    folder.chmod(0o755)
    for name in ('xenkiln', 'xenkiln-main', 'xenkiln-worker'):
        shutil.copy2(BUILT / name, folder / name)
        (folder / name).chmod(0o755)
    return folder


def remove(folder):
    """Deletes a folder whatever subordinate ids own what is in it."""
    subprocess.run(['unshare', '--map-root-user', '--map-auto', 'rm', '-rf', '--', str(folder)],
                   **as_user(), stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)


class Service:
    def __init__(self, data=None, bin_folder=None):
        self.bin = bin_folder or programs()
        self._own_bin = bin_folder is None
        self.data = data or folder_of_user('data')
        self.log = open(self.data.parent / f'{self.data.name}.log', 'ab')
        self.process = None
        self.port = None

    def start(self, *arguments):
        self.process = subprocess.Popen(
            [self.bin / 'xenkiln', 'serve', '--port', '0', '--data', self.data, *arguments],
            stdout=subprocess.PIPE, stderr=self.log, **as_user())
        line = self.process.stdout.readline().decode()
        if 'listening on http://' not in line:
            self.process.wait(10)
            raise AssertionError(f'the service did not start: {line!r}\n{self.log_tail()}')
        self.port = int(line.strip().rstrip('/').rsplit(':', 1)[1])
        return self

    def log_tail(self, lines=40):
        self.log.flush()
        return '\n'.join(pathlib.Path(self.log.name).read_text(errors='replace').split('\n')[-lines:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        if self.process:
            self.process.stdout.close()
        return self.process.returncode if self.process else None

    def kill9(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def close(self):
        self.stop()
        self.log.close()
        remove(self.data)
        os.unlink(self.log.name)
        if self._own_bin:
            remove(self.bin)

    # -- HTTP -------------------------------------------------------------------------------------
    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()
        finally:
            connection.close()

    def json(self, path):
        status, _, body = self.request('GET', path)
        assert status == 200, (path, status, body[:500])
        return json.loads(body)

    def submit(self, recipe, **options):
        query = urllib.parse.urlencode({k.replace('_', '-'): v for k, v in options.items()}, doseq=True)
        status, headers, body = self.request('POST', f'/v1/builds?{query}', recipe,
                                             {'Content-Type': 'text/x-kickstart'})
        assert status == 202, (status, body)
        reply = json.loads(body)
        assert headers['location'] == f'/v1/builds/{reply["id"]}', headers
        return reply['id']

    def events(self, build, last=None, kind='builds'):
        """Yields (id, type, data) until the stream ends."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=120)
        try:
            connection.request('GET', f'/v1/{kind}/{build}/events', headers={
                'Accept': 'text/event-stream', **({'Last-Event-ID': str(last)} if last else {})})
            answer = connection.getresponse()
            assert answer.status == 200 and 'text/event-stream' in answer.getheader('Content-Type')
            event = {}
            while line := answer.readline():
                field, _, value = line.decode().rstrip('\r\n').partition(':')
                if field:
                    event[field] = value.lstrip()
                elif event:
                    yield int(event['id']), event['event'], json.loads(event['data'])
                    event = {}
        finally:
            connection.close()

    def state(self, build, kind='builds'):
        return self.json(f'/v1/{kind}/{build}')

    def wait(self, build, seconds=900, kind='builds'):
        """The job once it is at its end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            job = self.state(build, kind)
            if job['state'] in ('done', 'failed', 'cancelled'):
                return job
            time.sleep(0.3)
        raise AssertionError(f'build {build} is still {job["state"]} after {seconds} s\n' + self.log_tail())

    def build_log(self, build, lines=60, kind='builds'):
        body = self.request('GET', f'/v1/{kind}/{build}/log')[2].decode(errors='replace')
        return '\n'.join(body.split('\n')[-lines:])

    def done(self, build, seconds=900, kind='builds'):
        job = self.wait(build, seconds, kind)
        assert job['state'] == 'done', (job, self.build_log(build, kind=kind))
        return job

    # -- what must never be left behind -----------------------------------------------------------
    def leftovers(self, seconds=5):
        """What is still left after so long: an end can be seen a moment before the last file is gone."""
        until = time.monotonic() + seconds
        while (found := self._leftovers()) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _leftovers(self):
        """Files of unfinished work in the data folder, and processes that belong to it."""
        files = []
        jobs = self.data / 'jobs'
        for job in sorted(jobs.iterdir()) if jobs.exists() else []:
            for path in job.iterdir():
                if path.name in ('work', 'out', 'walls') or path.name.startswith('source'):
                    files.append(str(path))
        for folder in ('releases', 'store'):
            for path in (self.data / folder).rglob('*') if (self.data / folder).exists() else []:
                if any(part.startswith('.') for part in path.relative_to(self.data).parts):
                    files.append(str(path))
        return files + self.processes()

    def processes(self):
        found = []
        for entry in pathlib.Path('/proc').iterdir():
            if not entry.name.isdigit() or (self.process and int(entry.name) == self.process.pid):
                continue
            try:
                command = (entry / 'cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
                if str(self.data) in command and 'python' not in command.split(' ')[0]:
                    found.append(f'{entry.name}: {command[:200]}')
            except OSError:
                continue
        return found

    def worker_pids(self):
        return [int(line.split(':')[0]) for line in self.processes() if 'xenkiln-worker' in line]
