# SPDX-License-Identifier: Apache-2.0
"""The whole way of somebody's image: sent over a connection that breaks three times and a service that is killed,
made into three formats by one job, fetched again in parts, read as other formats on the fly, and the same disk
everywhere; at last taken once more, by its address, from the catalog."""
import json
import os
import random
import signal
import subprocess
import time
import unittest

import conversion_test
import service
from upload_test import Proxy

MIB = 1 << 20
CUTS = (6 * MIB, 17 * MIB, 27 * MIB)  # of what went over the connection; the image has 40 MiB


@unittest.skipUnless(conversion_test.QEMU_IMG, 'there is no qemu-img to make an image with')
class Transfers(unittest.TestCase):
    def setUp(self):
        self.service = service.Service()
        self.addCleanup(self.service.close)
        self.folder = service.folder_of_user('transfers')
        self.folder.chmod(0o755)
        self.addCleanup(service.remove, self.folder)
        raw = self.folder / 'disk.raw'
        with open(raw, 'wb') as file:
            file.truncate(150 * MIB + 512)
            for megabyte in (1, 70, 140):
                file.seek(megabyte * MIB)
                file.write(random.Random(megabyte).randbytes((10 if megabyte == 140 else 15) * MIB))
        self.image = self.folder / 'disk.qcow2'
        conversion_test.qemu_img('convert', '-f', 'raw', '-O', 'qcow2', raw, self.image)
        for path in (raw, self.image):
            path.chmod(0o644)
        self.digest = self.disk_digest(raw)

    def xenkiln(self, *arguments, **more):
        settings = service.as_user()
        settings['env'] |= {'XDG_STATE_HOME': str(self.folder), 'TMPDIR': str(self.folder)}
        return subprocess.Popen([self.service.bin / 'xenkiln', *map(str, arguments)],
                                **(settings | {'stdout': subprocess.PIPE, 'stderr': subprocess.DEVNULL, 'text': True} | more))

    def done(self, *arguments):
        process = self.xenkiln(*arguments, stderr=subprocess.PIPE)
        out, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, errors)
        return out

    def disk_digest(self, path):
        return json.loads(self.done('inspect', '--json', path))['disks'][0]['disk_digest']

    def sent(self):
        """By a client that is itself interrupted when the service is killed, and run again."""
        proxy = Proxy(self.service.port, CUTS)
        self.addCleanup(proxy.close)
        command = ('upload', self.image, '--server', f'http://127.0.0.1:{proxy.port}')
        first = self.xenkiln(*command)
        self.addCleanup(first.stdout.close)
        until = time.monotonic() + 60
        while proxy.stops and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(proxy.stops, [])
        self.service.kill9()
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        self.service.start()
        proxy.port_of_service, proxy.carried = self.service.port, 0
        said = self.done(*command)
        self.assertLess(proxy.carried, self.image.stat().st_size - 8 * MIB, 'what had been sent was sent again')
        return said.split('id: ')[1].split('\n')[0]

    def converted(self, source, outputs, name):
        body = json.dumps({'source': source, 'outputs': outputs, 'name': name})
        status, _, reply = self.service.request('POST', '/v1/conversions', body, {'Content-Type': 'application/json'})
        self.assertEqual(status, 202, reply)
        job = self.service.done(json.loads(reply)['id'], 180, 'conversions')
        return self.service.json(f'/v1/releases/{job["release"]}')

    def fetched(self, address, name):
        """The first half as a client has it that was broken off; curl goes on behind it."""
        target = self.folder / name
        size = int(self.service.request('HEAD', address)[1]['content-length'])
        target.write_bytes(self.service.request('GET', address, None, {'Range': f'bytes=0-{size // 2}'})[2])
        self.assertEqual(target.stat().st_size, size // 2 + 1)
        subprocess.run(['curl', '-sS', '--noproxy', '*', '-C', '-', '-o', target,
                        f'http://127.0.0.1:{self.service.port}{address}'], check=True, timeout=60)
        self.assertEqual(target.stat().st_size, size)
        target.chmod(0o644)
        return target

    def test_an_image_comes_in_is_converted_and_goes_out_and_is_the_same_disk(self):
        self.service.start()
        upload = self.sent()
        release = self.converted({'upload': upload}, [{'format': 'xva', 'compression': 'xz:0'}, {'format': 'vhd'},
                                                      {'format': 'raw'}], 'brought')
        files = {a['format']: a for a in release['artifacts'] if a['format'] in ('xva.xz', 'vhd', 'raw')}
        self.assertEqual(set(files), {'xva.xz', 'vhd', 'raw'})
        for kind, artifact in files.items():
            self.assertEqual(self.disk_digest(self.fetched(artifact['download'], f'stored.{kind}')), self.digest, kind)
        for kind in ('raw', 'qcow2', 'vhd', 'xva'):
            address = f'/v1/images/{release["name"]}/disk.{kind}'
            self.assertEqual(self.disk_digest(self.fetched(address, f'made.{kind}')), self.digest, kind)

    def test_an_address_is_a_source_when_the_operator_allows_it(self):
        self.service.start()
        here = f'http://127.0.0.1:{self.service.port}'
        asked = {'source': {'url': f'{here}/healthz'}, 'outputs': [{'format': 'raw'}], 'name': 'inner'}
        _, _, reply = self.service.request('POST', '/v1/conversions', json.dumps(asked), {'Content-Type': 'application/json'})
        job = self.service.wait(json.loads(reply)['id'], 60, 'conversions')
        self.assertEqual(job['state'], 'failed')
        self.assertRegex(job['error'], '127.0.0.1')
        self.service.stop()

        said = subprocess.run(['python3', '-c', 'import socket; s=socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'],
                              capture_output=True, text=True, check=True).stdout.strip()
        server = subprocess.Popen(['python3', '-m', 'http.server', '--bind', '127.0.0.1', '--directory', self.folder, said],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait, 10)
        self.addCleanup(server.kill)
        self.service.start('--allow-host', f'127.0.0.1:{said}')
        until = time.monotonic() + 20
        while subprocess.run(['curl', '-s', '--noproxy', '*', '-o', os.devnull, f'http://127.0.0.1:{said}/']).returncode:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        release = self.converted({'url': f'http://127.0.0.1:{said}/disk.qcow2'}, [{'format': 'vhd'}], 'by-address')
        vhd = next(a for a in release['artifacts'] if a['format'] == 'vhd')
        self.assertEqual(self.disk_digest(self.fetched(vhd['download'], 'stored.vhd')), self.digest)


if __name__ == '__main__':
    unittest.main(verbosity=2)
