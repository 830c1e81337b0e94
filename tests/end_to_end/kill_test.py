# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the worker and of the service at ten different moments. A killed worker is a
failed job and nothing else; a killed service loses no job; nothing half-done can ever be seen."""
import os
import signal
import time
import unittest

import service

TINY = (service.SOURCE / 'tests/data/recipes/tiny.ks').read_text()
OUTPUTS = 'xva.zst:1'
MOMENTS = 10
# The short round takes three; XENKILN_KILLS=all takes all ten for each of the two (label chaos).
ALL = os.environ.get('XENKILN_KILLS') == 'all'
WORKER_MOMENTS = range(MOMENTS) if ALL else (6,)
SERVICE_MOMENTS = range(MOMENTS) if ALL else (1, 9)


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = service.Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.start()

    def check_catalog(self, done):
        """Every release that can be seen is whole, and those of finished builds are all there."""
        releases = self.service.json('/v1/releases')['releases']
        self.assertEqual(len(releases), done)
        for release in releases:
            for artifact in self.service.json(f'/v1/releases/{release["name"]}')['artifacts']:
                path = f'/download/{release["name"]}/{artifact["file_name"]}'
                status, headers, _ = self.service.request('HEAD', path)
                self.assertEqual((status, int(headers['content-length'])), (200, artifact['size']), path)
        on_disk = sorted(p.name for p in (self.service.data / 'releases').iterdir())
        self.assertEqual(on_disk, sorted(r['name'] for r in releases))

    def worker_of(self, build):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if pids := self.service.worker_pids():
                return pids[0]
            time.sleep(0.05)
        self.fail(f'build {build} has no worker')

    def wait_for_progress(self, build, least):
        """Moments are parts of the work, not seconds: the machine may be busy."""
        until = time.monotonic() + 600
        while time.monotonic() < until:
            job = self.service.state(build)
            if job['progress'] >= least or job['state'] not in ('queued', 'running'):
                print(f'at {job["progress"]:.0%}, {job["state"]}: {job["step"]}', flush=True)
                return job
            time.sleep(0.05)
        self.fail(f'build {build} stands still: {job}')

    def test_1_worker(self):
        done = len(self.service.json('/v1/releases')['releases'])
        for moment in WORKER_MOMENTS:
            with self.subTest(moment=moment):
                build = self.service.submit(TINY, outputs=OUTPUTS, name=f'worker-{moment}')
                worker = self.worker_of(build)
                job = self.wait_for_progress(build, moment / (MOMENTS + 1))
                self.assertEqual(job['state'], 'running')
                os.kill(worker, signal.SIGKILL)
                job = self.service.wait(build, 30)
                self.assertEqual(job['state'], 'failed')
                self.assertRegex(job['error'], r'killed.*9')
                self.assertEqual(self.service.leftovers(), [])
                self.check_catalog(done)

    def test_2_service(self):
        """Two kills per job, as three attempts are all a job has; the last job is waited for, the others
        are cancelled once it is clear that they go on."""
        done = len(self.service.json('/v1/releases')['releases'])
        build = None
        for number, moment in enumerate(SERVICE_MOMENTS):
            with self.subTest(moment=moment):
                first, last = number % 2 == 0, moment == SERVICE_MOMENTS[-1]
                if first:
                    build = self.service.submit(TINY, outputs=OUTPUTS, name=f'service-{moment}')
                self.wait_for_progress(build, moment / MOMENTS)
                self.service.kill9()
                time.sleep(0.5)
                self.assertEqual(self.service.processes(), [])
                self.service.start()
                job = self.service.state(build)
                self.assertIn(job['state'], ('queued', 'running', 'publishing', 'done'), job)
                self.check_catalog(done + (job['state'] == 'done'))
                if first and not last:
                    continue
                if not last and job['state'] != 'done':
                    self.worker_of(build)
                    self.service.request('DELETE', f'/v1/builds/{build}')
                    self.assertEqual(self.service.wait(build, 30)['state'], 'cancelled')
                else:
                    self.service.done(build)
                    done += 1
                self.assertEqual(self.service.leftovers(), [])
                self.check_catalog(done)


if __name__ == '__main__':
    unittest.main(verbosity=2)
