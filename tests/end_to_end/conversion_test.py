# SPDX-License-Identifier: Apache-2.0
"""Conversions over real HTTP: one job makes an XVA, a VHD and a raw image of a qcow2, reading it once. What lies is
refused with its reason, what is wrong is named at once, and a conversion that is cancelled, or whose worker or service
is killed, leaves nothing half-done."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time
import unittest

import seeded
import service

RELEASE = 'sources-20261121'
MIB = 1 << 20
QEMU_IMG = shutil.which('qemu-img')


def qemu_img(*arguments):
    return subprocess.run(['qemu-img', *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def make_sources(folder):
    """name → bytes, or a path of what is too large to be read."""
    raw = folder / 'disk.raw'
    text = b''.join(b'line %d of what packs well\n' % i for i in range(40000))
    with open(raw, 'wb') as file:
        file.truncate(64 * MIB)
        for megabyte, content in ((1, random.Random(1).randbytes(4 * MIB)), (20, text),
                                  (41, random.Random(2).randbytes(2 * MIB + 512)), (63, b'the end' * 1000)):
            file.seek(megabyte * MIB)
            file.write(content)
    qemu_img('convert', '-f', 'raw', '-O', 'qcow2', raw, folder / 'disk.qcow2')
    with open(folder / 'slow.raw', 'wb') as file:  # for a compressor that has to work
        file.truncate(48 * MIB)
        for part in range(2, 44):
            file.seek(part * MIB)
            file.write(random.Random(part).randbytes(MIB - 4096))
    qemu_img('create', '-f', 'qcow2', '-b', raw, '-F', 'raw', folder / 'backing.qcow2')
    qemu_img('create', '-f', 'qcow2', '-o', 'preallocation=metadata,cluster_size=2M', folder / 'huge.qcow2', '1900G')
    with open(folder / 'nested.qcow2', 'wb') as file:
        file.write((folder / 'disk.qcow2').read_bytes())
    qemu_img('convert', '-f', 'raw', '-O', 'qcow2', folder / 'nested.qcow2', folder / 'inner.qcow2')
    os.rename(folder / 'inner.qcow2', folder / 'nested.qcow2')
    sources = {name: (folder / name).read_bytes()
               for name in ('disk.qcow2', 'slow.raw', 'backing.qcow2', 'nested.qcow2')}
    return sources | {'huge.qcow2': folder / 'huge.qcow2', 'SHA256SUMS': b'00  x\n', 'text.qcow2': b'no image at all'}


def asks(source='disk.qcow2', *outputs, name='web', **more):
    return {'source': {'artifact': {'release': RELEASE, 'file_name': source}},
            'outputs': [dict(zip(('format', 'compression'), one.split('.'))) for one in outputs], 'name': name} | more


class Conversion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not QEMU_IMG:
            raise unittest.SkipTest('there is no qemu-img to make sources with')
        cls.service = service.Service()
        cls.addClassCleanup(cls.service.close)
        folder = pathlib.Path(cls.service.data.parent / f'{cls.service.data.name}-made')
        folder.mkdir()
        cls.addClassCleanup(shutil.rmtree, folder)
        sources = make_sources(folder)
        cls.made = folder
        seeded.seed(cls.service.data, RELEASE, sources)
        cls.service.start()

    def post(self, body, **headers):
        status, answered, reply = self.service.request('POST', '/v1/conversions', json.dumps(body),
                                                       {'Content-Type': 'application/json'} | headers)
        return status, answered, json.loads(reply)

    def submit(self, *arguments, **more):
        status, headers, reply = self.post(asks(*arguments, **more))
        self.assertEqual(status, 202, reply)
        self.assertEqual(headers['location'], f'/v1/conversions/{reply["id"]}')
        return reply['id']

    def state(self, job):
        return self.service.state(job, 'conversions')

    def wait(self, job, seconds=120):
        return self.service.wait(job, seconds, 'conversions')

    def failed(self, *arguments, **more):
        job = self.wait(self.submit(*arguments, **more))
        self.assertEqual(job['state'], 'failed', job)
        self.assertEqual(self.service.leftovers(), [])
        return job['error']

    def release_of(self, job):
        job = self.service.done(job, 120, 'conversions')
        return self.service.json(f'/v1/releases/{job["release"]}')

    def download(self, release, folder):
        for artifact in release['artifacts']:
            body = self.service.request('GET', artifact['download'])[2]
            self.assertEqual(len(body), artifact['size'], artifact['file_name'])
            self.assertEqual(hashlib.sha256(body).hexdigest(), artifact['sha256'])
            self.assertEqual(hashlib.md5(body).hexdigest(), artifact['md5'])
            (folder / artifact['file_name']).write_bytes(body)

    def disk_digest(self, path, *options):
        told = subprocess.run([self.service.bin / 'xenkiln', 'inspect', '--json', *options, path],
                              **(service.as_user() | {'text': True, 'capture_output': True}))
        self.assertEqual(told.returncode, 0, told.stderr)
        return json.loads(told.stdout)['disks'][0]['disk_digest']

    def folder(self):
        folder = service.folder_of_user('converted')
        folder.chmod(0o755)
        self.addCleanup(service.remove, folder)
        return folder

    def check_catalog(self):
        """Every release that can be seen is whole, and the folder has no other."""
        releases = self.service.json('/v1/releases')['releases']
        on_disk = sorted(p.name for p in (self.service.data / 'releases').iterdir())
        self.assertEqual(on_disk, sorted(r['name'] for r in releases))
        return len(releases)

    # -- what it makes --------------------------------------------------------------------------------
    def test_1_one_job_makes_three_formats_reading_the_source_once(self):
        job = self.submit('disk.qcow2', 'xva.xz:1', 'vhd', 'raw', hardware={'vcpus': 3, 'memory': '1GiB', 'name': 'Web 1'})
        events = list(self.service.events(job, kind='conversions'))
        steps = [data['step'] for _, what, data in events if what == 'step']
        self.assertEqual(steps, ['inspect source', 'convert', 'publish'])
        self.assertEqual([data['state'] for _, what, data in events if what == 'state'], ['queued', 'running', 'done'])
        release = self.release_of(job)
        details, size = release['details'], (self.made / 'disk.qcow2').stat().st_size
        self.assertEqual(details['source']['format'], 'qcow2')
        self.assertEqual(details['source']['file_size'], size)
        self.assertLess(details['source']['bytes_read'], size * 1.1, 'read more than once')
        self.assertGreater(details['source']['bytes_read'], 6 * MIB)
        log = self.service.build_log(job, kind='conversions')
        self.assertIn(f'read {details["source"]["bytes_read"]} bytes of the source\'s {size}', log)
        self.assertEqual((details['hardware']['vcpus'], details['hardware']['name']), (3, 'Web 1'))

        folder, name = self.folder(), release['name']
        self.assertRegex(name, r'^web-\d{8}$')
        self.download(release, folder)
        formats = {a['format']: a['file_name'] for a in release['artifacts']}
        self.assertEqual(formats['xva.xz'], f'{name}.xva.xz')
        self.assertNotIn('kickstart', formats)
        shutil.copy(self.made / 'disk.qcow2', folder)
        told = details['hardware']['disks'][0]
        for file in (f'{name}.xva.xz', f'{name}.vhd', f'{name}.raw', 'disk.qcow2'):
            self.assertEqual(self.disk_digest(folder / file), told['disk_digest'], file)
        self.assertEqual(told['virtual_size'], 64 * MIB)
        qemu_img('compare', '-f', 'raw', '-F', 'vpc', self.made / 'disk.raw', folder / f'{name}.vhd')
        qemu_img('compare', '-f', 'raw', '-F', 'raw', self.made / 'disk.raw', folder / f'{name}.raw')
        for image in release['artifacts']:
            if image['format'] == 'xva.xz':
                unpacked = subprocess.run(['xz', '-dc', folder / image['file_name']], check=True, capture_output=True)
                self.assertEqual(hashlib.sha256(unpacked.stdout).hexdigest(), image['image_sha256'])
                self.assertEqual(hashlib.md5(unpacked.stdout).hexdigest(), image['image_md5'])
                self.assertEqual(len(unpacked.stdout), image['image_size'])
        (folder / 'key.pem').write_bytes(self.service.request('GET', '/keys/signing.pem')[2])
        for sums, tool in (('SHA256SUMS', 'sha256sum'), ('MD5SUMS', 'md5sum')):
            subprocess.run(['openssl', 'dgst', '-sha256', '-verify', 'key.pem', '-signature', f'{sums}.sig', sums],
                           cwd=folder, check=True, capture_output=True)
            subprocess.run([tool, '-c', sums], cwd=folder, check=True, capture_output=True)
            self.assertIn(f'{name}.vhd', (folder / sums).read_text())
        self.assertEqual(self.service.leftovers(), [])

        page = self.service.request('GET', f'/releases/{name}')[2].decode()
        for text in (f'xe vm-import', f'{name}.vhd format=vhd', f'{name}.raw format=raw', f'virtual-size={64 * MIB}',
                     told['disk_digest'], 'disk.qcow2', f'{RELEASE}/disk.qcow2'):
            self.assertIn(text, page)
        self.assertNotIn('Recipe', page)

    def test_2_builds_and_conversions_do_not_show_each_other(self):
        job = self.submit('disk.qcow2', 'vhd', name='apart')
        release = self.release_of(job)
        self.assertNotIn('xe vm-import', self.service.request('GET', f'/releases/{release["name"]}')[2].decode())
        self.assertNotIn('ova.xml', [a['format'] for a in release['artifacts']])
        builds = [one['id'] for one in self.service.json('/v1/builds')['builds']]
        conversions = [one['id'] for one in self.service.json('/v1/conversions')['conversions']]
        self.assertIn(job, conversions)
        self.assertNotIn(job, builds)
        self.assertEqual(builds, [seeded.JOB])
        self.assertNotIn(seeded.JOB, conversions)
        for path in (f'/v1/builds/{job}', f'/v1/builds/{job}/log', f'/v1/conversions/{seeded.JOB}'):
            self.assertEqual(self.service.request('GET', path)[0], 404, path)
        self.assertEqual(self.service.request('DELETE', f'/v1/builds/{job}')[0], 404)
        self.assertEqual(self.service.request('DELETE', f'/v1/conversions/{job}')[0], 409)

    def test_3_every_format_that_is_written_is_the_same_disk(self):
        release = self.release_of(self.submit('disk.qcow2', 'qcow2', 'qcow2-zlib', 'qcow2-zstd', 'vhd-fixed', 'raw.zstd',
                                              'xva', 'xva.gzip:1', name='all'))
        folder = self.folder()
        self.download(release, folder)
        images = [a for a in release['artifacts'] if a['format'].split('.')[0].split('-')[0] in ('qcow2', 'vhd', 'raw', 'xva')]
        self.assertEqual(len(images), 7)
        digests = {self.disk_digest(folder / a['file_name']) for a in images}
        self.assertEqual(digests, {release['details']['hardware']['disks'][0]['disk_digest']})
        for file in folder.glob('*.qcow2'):
            qemu_img('compare', '-f', 'raw', '-F', 'qcow2', self.made / 'disk.raw', file)
            qemu_img('check', '-f', 'qcow2', file)
        by_format = {a['format']: a for a in images}
        self.assertEqual(by_format['xva.gz']['image_sha256'], by_format['xva']['sha256'], 'one XVA, packed twice')
        self.assertEqual(self.service.leftovers(), [])

    # -- what it refuses ------------------------------------------------------------------------------
    def test_4_what_lies_is_refused_with_its_reason(self):
        releases = self.check_catalog()
        self.assertRegex(self.failed('backing.qcow2', 'vhd', name='lie'), 'backing file')
        self.assertRegex(self.failed('text.qcow2', 'vhd', name='lie'), 'no such signature')
        self.assertRegex(self.failed('disk.qcow2', 'vhd', name='lie', **{'from': 'vhd'}), 'content is qcow2')
        self.assertRegex(self.failed('disk.qcow2', 'vhd', name='lie', disk=2), 'has 1')
        self.assertRegex(self.failed('nested.qcow2', 'vhd', 'raw', name='lie'), 'signature of qcow2.*nested')
        wanted = self.failed('huge.qcow2', 'vhd', 'xva', name='lie')
        self.assertRegex(wanted, r'may need \d+ MiB \(vhd \d+ MiB, xva \d+ MiB; the source has 1945600 MiB, 1945600 MiB '
                                 r'of them allocated\), and 1024 MiB stay free; there are \d+ MiB')
        self.assertEqual(self.check_catalog(), releases)
        self.assertEqual(self.service.done(self.submit('nested.qcow2', 'raw', name='nested', nested=True), 60,
                                           'conversions')['state'], 'done')

    def test_5_every_mistake_is_named_and_nothing_begins(self):
        before = len(self.service.json('/v1/conversions')['conversions'])
        good = asks('disk.qcow2', 'vhd')
        bad = {'source': {'artifact': {'release': RELEASE}, 'upload': 'x', 'colour': 1}, 'from': 'floppy', 'disk': 0,
               'outputs': [{'format': 'vmdk'}, {'format': 'raw', 'compression': 'xz:12'}, {'compression': 'lz4'}, 7,
                           {'format': 'vhd'}, {'format': 'vhd'}],
               'name': 'Not A Name', 'hardware': {'vcpus': 'many', 'memory': '1', 'firmware': 'coreboot', 'wheels': 4},
               'nested': 'yes', 'extra': 1}
        status, headers, reply = self.post(bad)
        self.assertEqual((status, headers['content-type']), (422, 'application/problem+json'), reply)
        reasons = [error['reason'] for error in reply['errors']]
        for wanted in ('source: ', 'source.artifact.file_name', 'source.colour', 'from', 'disk', 'outputs[0].format',
                       'outputs[1].compression', 'outputs[2].format', 'outputs[2].compression', 'outputs[3]', 'outputs[5]',
                       'name', 'hardware.vcpus', 'hardware.memory', 'hardware.firmware', 'hardware.wheels', 'nested',
                       'extra'):
            self.assertTrue(any(reason.startswith(wanted) for reason in reasons), (wanted, reasons))
        for change in ({'source': {}}, {'source': {'url': 'ftp://a/b'}}, {'source': {'url': 'http://u:p@a/b'}},
                       {'source': {'url': 'http://a/b', 'sha256': 'zz'}}, {'outputs': []}, {'outputs': {}},
                       {'name': '../x'}, {'source': {'artifact': {'release': RELEASE, 'file_name': 'SHA256SUMS'}}}):
            self.assertEqual(self.post(good | change)[0], 422, change)
        for source in ({'upload': 'nosuch'}, {'artifact': {'release': RELEASE, 'file_name': '../../x'}}):
            self.assertEqual(self.post(good | {'source': source})[0], 404, source)
        request = self.service.request
        self.assertEqual(request('POST', '/v1/conversions', '[', {'Content-Type': 'application/json'})[0], 400)
        self.assertEqual(request('POST', '/v1/conversions', '{}', {'Content-Type': 'text/plain'})[0], 415)
        self.assertEqual(request('PUT', '/v1/conversions', '{}')[0], 405)
        self.assertEqual(len(self.service.json('/v1/conversions')['conversions']), before)

    # -- how it ends ----------------------------------------------------------------------------------
    def until(self, job, progress):
        """Moments are parts of the work, not seconds: the machine may be busy."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            now = self.state(job)
            if now['state'] not in ('queued', 'running') or (now['state'] == 'running' and now['progress'] >= progress):
                return now
            time.sleep(0.02)
        self.fail(f'stands still: {now}')

    def slow(self, name):
        return self.submit('slow.raw', 'raw.gzip:9', 'vhd.gzip:9', name=name)

    def test_6_cancelled_at_five_moments_leaves_nothing(self):
        releases = self.check_catalog()
        for moment in ('queued', 0, 0.1, 0.4, 0.8):
            with self.subTest(moment=moment):
                first = self.slow('cancelled')
                if moment == 'queued':
                    job = self.submit('disk.qcow2', 'vhd', name='waits')
                    self.assertEqual(self.state(job)['state'], 'queued')
                    self.assertTrue((self.service.data / 'jobs' / job / 'source').exists())
                    self.service.request('DELETE', f'/v1/conversions/{job}')
                    self.assertEqual(self.state(job)['state'], 'cancelled')
                    self.assertFalse((self.service.data / 'jobs' / job / 'source').exists())
                else:
                    while self.until(first, moment)['state'] != 'running':  # it was quicker than the question
                        self.release_of(first)
                        releases = self.check_catalog()
                        first = self.slow('cancelled')
                    if moment == 0.1:
                        walls = pathlib.Path(f'/proc/{self.service.worker_pids()[0]}/status').read_text()
                        self.assertIn('Seccomp:\t2', walls)
                        self.assertIn('NoNewPrivs:\t1', walls)
                self.assertEqual(self.service.request('DELETE', f'/v1/conversions/{first}')[0], 202)
                self.assertEqual(self.wait(first, 30)['state'], 'cancelled')
                self.assertEqual(self.service.leftovers(), [])
                self.assertEqual(self.check_catalog(), releases)

    def test_7_a_killed_worker_fails_its_job_and_a_killed_service_loses_none(self):
        releases = self.check_catalog()
        job = self.slow('killed')
        self.until(job, 0.2)
        os.kill(self.service.worker_pids()[0], signal.SIGKILL)
        self.assertRegex(self.wait(job, 30)['error'], 'killed.*9')
        self.assertEqual(self.service.leftovers(), [])

        running, waiting = self.slow('survivor'), self.submit('disk.qcow2', 'vhd', name='waiting')
        self.until(running, 0.3)
        self.service.kill9()
        time.sleep(0.5)
        self.assertEqual(self.service.processes(), [])
        self.service.start()
        self.assertEqual(self.check_catalog(), releases)
        release = self.release_of(running)
        self.assertEqual(self.state(running)['attempts'], 2)
        shutil.copy(self.made / 'slow.raw', folder := self.folder())
        self.assertEqual(self.disk_digest(folder / 'slow.raw'), release['details']['hardware']['disks'][0]['disk_digest'])
        self.release_of(waiting)
        self.assertEqual(self.check_catalog(), releases + 2)
        self.assertEqual(self.service.leftovers(), [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
