#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Downloads of images that are made on the fly against the download of a plain file, in one run on one machine:
XENKILN_BIN=build/release/bin bench/on_the_fly/on_the_fly.py. The image, 1 GiB with 256 MiB of data, is stored once as
.xva and once as .xva.xz; each download is made ROUNDS times in turn, into /dev/null, and its best rate counts. The ratio
is to the plain file; `xz -dc` shows what the packed ones are bound by. The last line is the service's largest memory."""
import os
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tests/end_to_end'))
import on_the_fly_test
import service

ROUNDS = int(os.environ.get('ROUNDS', '3'))
MIB = 1 << 20
PLAIN, PACKED = 'plain-20261121-pvhvm', 'packed-20261121-pvhvm'


def rate(command):
    """Seconds and MiB of one download or command."""
    started = time.monotonic()
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    return time.monotonic() - started, int(done.stdout) / MIB


def main():
    served = service.Service()
    folder = service.folder_of_user('bench')
    try:
        with open(folder / 'disk.raw', 'wb') as disk:
            disk.truncate(1 << 30)
            noise = random.Random(1)
            for place in range(64):
                disk.seek(place * 16 * MIB)
                for _ in range(4):
                    disk.write((noise.randbytes(1 << 19) + b'half of it packs well ' * 23832)[:MIB])
        for target, more in (('disk.xva', ()), ('disk.xva.xz', ('--compress', 'xz:3'))):
            done = service.run_as_user([served.bin / 'xenkiln', 'convert', folder / 'disk.raw', folder / target,
                                        '--name', 'bench', '--quiet', *more])
            if done.returncode:
                sys.exit(done.stderr)
        on_the_fly_test.seed(served.data, PLAIN, [('xva', folder / 'disk.xva', None)])
        on_the_fly_test.seed(served.data, PACKED, [('xva.xz', folder / 'disk.xva.xz', None)])
        served.start()
        base = f'http://127.0.0.1:{served.port}'
        curl = "curl -sS --noproxy '*' -o /dev/null -w '%{size_download}' " + base
        jobs = {'the plain file': f'{curl}/download/{PLAIN}/{PLAIN}.xva'}
        for release, stored in ((PLAIN, '.xva'), (PACKED, '.xva.xz')):
            for kind in on_the_fly_test.FORMATS:
                jobs[f'{kind} of {stored}'] = f'{curl}/v1/images/{release}/disk.{kind}'
        jobs['.xva of .xva.xz'] = f'{curl}/download/{PACKED}/{PACKED}.xva'
        jobs['xz -dc alone'] = f'xz -dc {folder}/disk.xva.xz | wc -c'
        for command in jobs.values():  # opens the images, fills the page cache
            rate(command)
        best = {}
        for _ in range(ROUNDS):
            for name, command in jobs.items():
                seconds, size = rate(command)
                best[name] = max(best.get(name, (0, 0)), (size / seconds, size))
        print('| download | MiB | MiB/s | ratio |\n|---|---|---|---|')
        for name, (speed, size) in best.items():
            print(f'| {name} | {size:.0f} | {speed:.0f} | {speed / best["the plain file"][0]:.2f} |')
        status = pathlib.Path(f'/proc/{served.process.pid}/status').read_text()
        print(f'memory of the service: {int(status.split("VmHWM:")[1].split()[0]) >> 10} MiB at most')
    finally:
        served.close()
        service.remove(folder)


if __name__ == '__main__':
    main()
