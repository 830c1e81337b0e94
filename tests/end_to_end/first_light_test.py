# SPDX-License-Identifier: Apache-2.0
"""The whole way over real HTTP with a tiny recipe: submit, follow, cancel, download by ranges,
verify; and what happens to bad input."""
import hashlib
import http.client
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time
import unittest

import service
import xva

TINY = (service.SOURCE / 'tests/data/recipes/tiny.ks').read_text()
OUTPUTS = 'xva.zst:1'


class FirstLight(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = service.Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.build = cls.service.submit(TINY, outputs=OUTPUTS)
        cls.events = list(cls.service.events(cls.build))
        cls.job = cls.service.done(cls.build)
        cls.release = cls.service.json(f'/v1/releases/{cls.job["release"]}')
        cls.folder = pathlib.Path(tempfile.mkdtemp(dir='/var/tmp'))
        cls.addClassCleanup(service.remove, cls.folder)

    def artifact(self, ending):
        found = [a for a in self.release['artifacts'] if a['file_name'].endswith(ending)]
        self.assertEqual(len(found), 1, (ending, self.release['artifacts']))
        return found[0]

    def download(self, name, headers=None):
        status, answer, body = self.service.request(
            'GET', f'/download/{self.release["name"]}/{name}', headers=headers)
        return status, answer, body

    def saved(self, name):
        path = self.folder / name
        if not path.exists():
            status, _, body = self.download(name)
            self.assertEqual(status, 200)
            path.write_bytes(body)
        return path

    def test_events_tell_the_whole_story_in_order(self):
        numbers = [number for number, _, _ in self.events]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        steps = [data['step'] for _, kind, data in self.events if kind == 'step']
        self.assertIn('install packages', steps)
        self.assertEqual(len(steps), len(set(steps)), 'a step began twice')
        progress = [data['progress'] for _, kind, data in self.events if kind == 'progress']
        self.assertGreater(len(progress), 5)
        self.assertEqual(progress, sorted(progress))
        self.assertEqual(self.events[-1][1:], ('state', self.events[-1][2] | {'state': 'done'}))
        resumed = list(self.service.events(self.build, last=numbers[-3]))
        self.assertEqual([number for number, _, _ in resumed], numbers[-2:])

    def test_the_release_is_named_as_the_seed_named_his(self):
        self.assertRegex(self.release['name'], r'^tiny-\d{8}-pvhvm$')
        self.assertEqual(self.artifact('.xva.zst')['file_name'], self.release['name'] + '.xva.zst')

    def test_signatures_and_digests_hold_with_the_standard_tools(self):
        key = self.folder / 'signing.pem'
        key.write_bytes(self.service.request('GET', '/keys/signing.pem')[2])
        for name in ('SHA256SUMS', 'MD5SUMS'):
            verdict = subprocess.run(
                ['openssl', 'dgst', '-sha256', '-verify', key, '-signature', self.saved(name + '.sig'),
                 self.saved(name)], capture_output=True, text=True)
            self.assertEqual(verdict.stdout, 'Verified OK\n', verdict.stderr)
        for file in self.saved('SHA256SUMS').read_text().split('\n')[:-1]:
            self.saved(file.split('  ')[1])
        for tool, name in (('sha256sum', 'SHA256SUMS'), ('md5sum', 'MD5SUMS')):
            subprocess.run([tool, '--strict', '--quiet', '-c', name], cwd=self.folder, check=True)

    def test_the_xva_is_what_it_says(self):
        artifact = self.artifact('.xva.zst')
        packed = self.saved(artifact['file_name'])
        image = self.folder / 'image.xva'
        with open(image, 'wb') as out:
            subprocess.run(['zstd', '-dc', packed], stdout=out, check=True)
        self.assertEqual(image.stat().st_size, artifact['image_size'])
        self.assertEqual(hashlib.sha256(image.read_bytes()).hexdigest(), artifact['image_sha256'])
        self.assertEqual(hashlib.md5(image.read_bytes()).hexdigest(), artifact['image_md5'])
        disks = self.folder / 'disks'
        disks.mkdir()
        xva.unpack(image, disks)
        with open(disks / 'disk1.raw', 'rb') as disk:
            self.assertEqual(disk.read(512)[510:], b'\x55\xaa')
        if xva.judge(image, self.folder / 'judged'):
            subprocess.run(['cmp', disks / 'disk1.raw', self.folder / 'judged/disk1.raw'], check=True)
        with tempfile.NamedTemporaryFile() as alone:
            alone.write(self.download(self.artifact('ova.xml')['file_name'])[2])
            alone.flush()
            inside = subprocess.run(['tar', '-xOf', image, 'ova.xml'], capture_output=True, check=True)
            self.assertEqual(pathlib.Path(alone.name).read_bytes(), inside.stdout)

    def test_a_build_publishes_the_same_disk_in_every_format_that_a_conversion_does(self):
        build = self.service.submit(TINY, outputs='xva.xz:0,vhd,vhd-fixed.gz:1,qcow2,qcow2-zstd,raw.zst:1',
                                    name='formats')
        release = self.service.json(f'/v1/releases/{self.service.done(build)["release"]}')
        name = release['name']
        images = {a['format']: a for a in release['artifacts'] if a.get('image_size', 0) > 0}
        self.assertEqual({a['file_name'] for a in images.values()},
                         {f'{name}.xva.xz', f'{name}.vhd', f'{name}-fixed.vhd.gz', f'{name}.qcow2',
                          f'{name}-zstd.qcow2', f'{name}.raw.zst'})
        folder = pathlib.Path(tempfile.mkdtemp(dir='/var/tmp'))
        self.addCleanup(service.remove, folder)
        folder.chmod(0o755)
        for image in images.values():
            status, _, body = self.service.request('GET', f'/download/{name}/{image["file_name"]}')
            self.assertEqual((status, hashlib.sha256(body).hexdigest()), (200, image['sha256']), image['file_name'])
            (folder / image['file_name']).write_bytes(body)
            (folder / image['file_name']).chmod(0o644)
        disk, = release['details']['hardware']['disks']
        self.assertRegex(disk['disk_digest'], '^[0-9a-f]{64}$')
        for image in images.values():
            told = service.run_as_user([self.service.bin / 'xenkiln', 'inspect', '--json',
                                        folder / image['file_name']])
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
            self.assertEqual([d['disk_digest'] for d in json.loads(told.stdout)['disks']], [disk['disk_digest']],
                             image['file_name'])
        raw = folder / 'disk.raw'
        subprocess.run(['zstd', '-q', '-d', folder / f'{name}.raw.zst', '-o', raw], check=True)
        self.assertEqual(raw.stat().st_size, disk['virtual_size'])
        for other, kind in ((f'{name}.vhd', 'vpc'), (f'{name}.qcow2', 'qcow2'), (f'{name}-zstd.qcow2', 'qcow2')):
            told = subprocess.run(['qemu-img', 'compare', '-f', 'raw', '-F', kind, raw, folder / other],
                                  capture_output=True, text=True)
            self.assertEqual(told.returncode, 0, f'{other}: {told.stdout}{told.stderr}')

    def test_verify_accepts_it_and_names_a_damaged_block(self):
        packed = self.saved(self.artifact('.xva.zst')['file_name'])
        packed.chmod(0o644)
        self.folder.chmod(0o755)
        verdict = service.run_as_user([self.service.bin / 'xenkiln', 'verify', packed])
        self.assertEqual(verdict.returncode, 0, verdict.stdout + verdict.stderr)
        image = self.folder / 'damaged.xva'
        with open(image, 'wb') as out:
            subprocess.run(['zstd', '-dc', packed], stdout=out, check=True)
        with open(image, 'r+b') as damaged:
            damaged.seek(-(1 << 20), os.SEEK_END)
            byte = damaged.read(1)
            damaged.seek(-1, os.SEEK_CUR)
            damaged.write(bytes([byte[0] ^ 1]))
        verdict = service.run_as_user([self.service.bin / 'xenkiln', 'verify', image])
        self.assertEqual(verdict.returncode, 1)
        self.assertRegex(verdict.stdout + verdict.stderr, r'Ref:\d+/\d{8}')

    def test_ranges_make_up_the_file(self):
        name = self.artifact('.xva.zst')['file_name']
        whole = self.saved(name).read_bytes()
        status, headers, _ = self.service.request('HEAD', f'/download/{self.release["name"]}/{name}')
        self.assertEqual((status, int(headers['content-length'])), (200, len(whole)))
        etag = headers['etag']
        self.assertRegex(etag, r'^"[0-9a-f]{64}"$')
        chance = random.Random(7)
        for _ in range(50):
            first = chance.randrange(len(whole))
            last = min(len(whole) - 1, first + chance.randrange(1 << 20))
            status, headers, body = self.download(name, {'Range': f'bytes={first}-{last}', 'If-Range': etag})
            self.assertEqual(status, 206)
            self.assertEqual(headers['content-range'], f'bytes {first}-{last}/{len(whole)}')
            self.assertEqual(body, whole[first:last + 1])
        self.assertEqual(self.download(name, {'Range': 'bytes=-10'})[2], whole[-10:])
        self.assertEqual(self.download(name, {'Range': f'bytes={len(whole)}-'})[0], 416)
        self.assertEqual(self.download(name, {'Range': 'bytes=0-9', 'If-Range': '"other"'})[0], 200)
        self.assertEqual(self.download(name, {'If-None-Match': etag})[0], 304)

    def test_a_host_that_reads_the_raw_socket_gets_exactly_the_file(self):
        """xapi hands the socket to its tar reader and reads until the end: no chunks, and a close."""
        import socket
        name = self.artifact('.xva.zst')['file_name']
        with socket.create_connection(('127.0.0.1', self.service.port), 30) as raw:
            raw.sendall(f'GET /download/{self.release["name"]}/{name} HTTP/1.1\r\n'
                        f'Host: 127.0.0.1:{self.service.port}\r\n\r\n'.encode())
            received = b''
            while block := raw.recv(1 << 20):
                received += block
        head, _, body = received.partition(b'\r\n\r\n')
        self.assertIn(b' 200 ', head.split(b'\r\n')[0])
        self.assertNotIn(b'transfer-encoding', head.lower())
        self.assertNotIn(b'content-encoding', head.lower())
        self.assertIn(b'connection: close', head.lower())
        self.assertEqual(hashlib.sha256(body).hexdigest(), self.artifact('.xva.zst')['sha256'])

    def test_the_catalog_page_shows_the_release(self):
        status, headers, body = self.service.request('GET', '/')
        self.assertEqual(status, 200)
        self.assertIn('text/html', headers['content-type'])
        page = body.decode()
        for text in (self.release['name'], self.artifact('.xva.zst')['sha256'],
                     self.artifact('.xva.zst')['md5'], 'xe vm-import'):
            self.assertIn(text, page)

    def test_a_kickstart_with_errors_is_refused_with_every_line(self):
        before = len(self.service.json('/v1/builds')['builds'])
        bad = TINY.replace('lang C.UTF-8', 'lang C.UTF-8\nnosuchcommand --foo\nbootloader --locatoin=mbr')
        status, headers, body = self.service.request('POST', '/v1/builds', bad,
                                                     {'Content-Type': 'text/x-kickstart'})
        self.assertEqual((status, headers['content-type']), (422, 'application/problem+json'))
        problem = json.loads(body)
        lines = bad.split('\n')
        self.assertEqual({e['line'] for e in problem['errors']},
                         {lines.index('nosuchcommand --foo') + 1, lines.index('bootloader --locatoin=mbr') + 1})
        self.assertIn('nosuchcommand', json.dumps(problem))
        self.assertEqual(len(self.service.json('/v1/builds')['builds']), before)

    def test_bad_options_and_unknown_things_are_problems_that_name_them(self):
        for query, word in (('memory=lots', 'memory'), ('colour=red', 'colour'),
                            ('distribution=debian-99', 'debian-12'), ('ssh-key=junk', 'ssh-key')):
            status, _, body = self.service.request('POST', f'/v1/builds?{query}', TINY,
                                                   {'Content-Type': 'text/x-kickstart'})
            self.assertEqual(status, 422, (query, body))
            self.assertIn(word, body.decode())
        for path in ('/v1/builds/0123456789abcdef', '/v1/releases/none', '/download/none/x', '/nothing',
                     '/download/..%2f..%2fsigning-key.pem/x', '/download/x/..%2fsigning-key.pem'):
            status, headers, _ = self.service.request('GET', path)
            self.assertEqual((status, headers['content-type']), (404, 'application/problem+json'), path)
        self.assertEqual(self.service.request('PUT', '/v1/builds', 'x')[0], 405)
        self.assertEqual(self.service.request('POST', '/v1/builds', 'x', {'Content-Type': 'image/png'})[0], 415)

    def test_an_unknown_package_fails_in_the_install_step_and_is_named(self):
        build = self.service.submit(TINY.replace('--excludedocs\n', '--excludedocs\nno-such-package-here\n', 1), outputs=OUTPUTS)
        job = self.service.wait(build)
        self.assertEqual((job['state'], job['step']), ('failed', 'install packages'))
        self.assertIn('no-such-package-here', job['error'])
        self.assertIn('no-such-package-here', self.service.build_log(build, 200))
        self.assertEqual(self.service.leftovers(), [])

    def test_a_cancelled_build_leaves_nothing(self):
        build = self.service.submit(TINY, outputs=OUTPUTS, name='cancelled')
        for _, kind, data in self.service.events(build):
            if kind == 'progress' and data['progress'] > 0.05:
                break
        started = time.monotonic()
        self.assertIn(self.service.request('DELETE', f'/v1/builds/{build}')[0], (202, 204))
        job = self.service.wait(build, 30)
        self.assertEqual(job['state'], 'cancelled')
        self.assertLess(time.monotonic() - started, 15)
        self.assertEqual(self.service.leftovers(), [])
        self.assertEqual(self.service.request('DELETE', f'/v1/builds/{build}')[0], 409)
        self.assertNotIn('cancelled', json.dumps(self.service.json('/v1/releases')))

    def test_a_failing_post_script_fails_the_build_when_it_was_asked_to(self):
        build = self.service.submit(TINY + '\n%post --erroronfail\necho this one fails\nexit 3\n%end\n', outputs=OUTPUTS)
        job = self.service.wait(build)
        self.assertEqual((job['state'], job['step']), ('failed', 'run scripts'))
        self.assertIn('%post', job['error'])
        self.assertIn('3', job['error'])
        self.assertIn('this one fails', self.service.build_log(build, 400))

    def test_the_service_stays_small(self):
        status = pathlib.Path(f'/proc/{self.service.process.pid}/status').read_text()
        peak = int(next(line.split()[1] for line in status.split('\n') if line.startswith('VmHWM')))
        limit = 100 * 1024 if 'dev' not in str(service.BUILT) else 400 * 1024   # sanitizers cost memory
        self.assertLess(peak, limit, f'{peak} KiB')

    def test_it_refuses_to_listen_beyond_loopback(self):
        verdict = service.run_as_user([self.service.bin / 'xenkiln', 'serve', '--listen', '0.0.0.0', '--port', '0',
                                       '--data', self.service.data.parent / f'{self.service.data.name}-other'])
        self.assertNotEqual(verdict.returncode, 0)
        self.assertIn('0.0.0.0', verdict.stderr)

    def test_two_services_do_not_share_a_data_folder(self):
        verdict = service.run_as_user([self.service.bin / 'xenkiln', 'serve', '--port', '0', '--data', self.service.data])
        self.assertNotEqual(verdict.returncode, 0)
        self.assertIn(str(self.service.data), verdict.stderr)

    def test_the_signing_key_is_the_services_alone(self):
        self.assertEqual((self.service.data / 'signing-key.pem').stat().st_mode & 0o777, 0o600)


if __name__ == '__main__':
    unittest.main(verbosity=2)
