# SPDX-License-Identifier: Apache-2.0
"""recipe → published .xva.xz: the service against the same done by hand (by_hand beside this file),
turn by turn in one run. Prints a table and the ratio; exits 1 when it is above --limit.

  python3 bench/first_light/first_light.py [--rounds 2] [--limit 1.0]

Programs: XENKILN_BIN, else build/release/bin. The service's greatest memory during its builds is
read as well, and held to 100 MiB."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault('XENKILN_BIN', str(HERE.parents[1] / 'build/release/bin'))
sys.path.insert(0, str(HERE.parents[1] / 'tests/end_to_end'))
import service as services  # noqa: E402

RECIPE = (HERE.parents[1] / 'recipes/debian-12-pvhvm.ks').read_text()
XZ_LEVEL = '3'
MEMORY_LIMIT = 100 << 20


class Memory(threading.Thread):
    """The greatest resident size of a process, read five times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most = pid, 0
        self.start()

    def run(self):
        try:
            while True:
                status = pathlib.Path(f'/proc/{self.pid}/status').read_text()
                self.most = max(self.most, int(status.split('VmRSS:')[1].split()[0]) << 10)
                time.sleep(0.2)
        except (OSError, IndexError):
            return


def ours(service, name):
    started = time.monotonic()
    build = service.submit(RECIPE, outputs=f'xva.xz:{XZ_LEVEL}', name=name)
    job = service.done(build, 3000)
    return time.monotonic() - started, service.json(f'/v1/releases/{job["release"]}')


def by_hand(packages, ova_xml):
    folder = services.folder_of_user('by-hand')
    folder.chmod(0o755)
    try:
        shutil.copy(HERE / 'by_hand', folder / 'by_hand')
        (folder / 'by_hand').chmod(0o755)
        (folder / 'ova.xml').write_bytes(ova_xml)
        started = time.monotonic()
        told = services.run_as_user([folder / 'by_hand', folder, packages, XZ_LEVEL])
        seconds = time.monotonic() - started
        if told.returncode != 0:
            sys.exit(f'by hand it failed:\n{told.stdout[-2000:]}\n{told.stderr[-4000:]}')
        return seconds, (folder / 'image.xva.xz').stat().st_size
    finally:
        services.remove(folder)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('--rounds', type=int, default=2)
    arguments.add_argument('--limit', type=float, default=1.0)
    wanted = arguments.parse_args()
    for tool in ('xva-img', 'guestfish', 'mmdebstrap', 'xz'):
        if not shutil.which(tool):
            sys.exit(f'{tool} is missing; run: packaging/install-packages run bench')

    service = services.Service()
    try:
        service.start()
        memory = Memory(service.process.pid)
        times = {'xenkiln': [], 'by hand': []}
        sizes = {}
        for number in range(wanted.rounds):
            seconds, release = ours(service, f'bench-{number}')
            times['xenkiln'].append(seconds)
            files = {a['format']: a for a in release['artifacts']}
            sizes['xenkiln'] = files['xva.xz']['size']
            details = release['details'] if isinstance(release['details'], dict) else json.loads(release['details'])
            packages = ','.join(p['name'] for p in details['packages'])
            ova_xml = service.request('GET', f'/download/{release["name"]}/{files["ova.xml"]["file_name"]}')[2]
            seconds, sizes['by hand'] = by_hand(packages, ova_xml)
            times['by hand'].append(seconds)
            print(f'round {number + 1}: ' + ', '.join(f'{k} {v[-1]:.0f} s' for k, v in times.items()), flush=True)
    finally:
        service.close()

    best = {name: min(values) for name, values in times.items()}
    ratio = best['xenkiln'] / best['by hand']
    print(f'\n| way | best of {wanted.rounds} | median | .xva.xz |\n|---|---|---|---|')
    for name, values in times.items():
        print(f'| {name} | {best[name]:.0f} s | {statistics.median(values):.0f} s | {sizes[name] / 1e6:.0f} MB |')
    print(f'\nratio {ratio:.2f} (at most {wanted.limit}); '
          f'the service’s memory: {memory.most / (1 << 20):.0f} MiB (at most {MEMORY_LIMIT >> 20})')
    sys.exit(0 if ratio <= wanted.limit and memory.most <= MEMORY_LIMIT else 1)


if __name__ == '__main__':
    main()
