#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conversions against qemu-img and xva-img, in one run on one machine: bench/convert/convert.py XENKILN [FOLDER].

Two disks are made in FOLDER (the current one): `debian`, 4 GiB with a file system of this machine's /usr, and
`large`, 100 GiB with 2 GiB of data in 64 places. Every job is run by each tool in turn, ROUNDS times; the best
time of each counts. The page cache is warm for all, nothing is synced by any. `floor` is a plain read and write
of the allocated bytes. Prints one line per job with the ratio to the best of the others."""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

ROUNDS = int(os.environ.get('ROUNDS', '3'))
xenkiln = str(pathlib.Path(sys.argv[1]).resolve())
folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else '.').resolve()


def run(command):
    """Seconds and MiB of memory of one command, which must succeed."""
    started = time.monotonic()
    process = subprocess.Popen(command, shell=isinstance(command, str), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, cwd=folder)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status != 0:
        raise SystemExit(f'{command}: {error.decode()}')
    return seconds, usage.ru_maxrss / 1024


def floor(source, target):
    started = time.monotonic()
    with open(folder / source, 'rb') as a, open(folder / target, 'wb') as b:
        size, offset = os.fstat(a.fileno()).st_size, 0
        while offset < size:
            try:
                offset = os.lseek(a.fileno(), offset, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(a.fileno(), offset, os.SEEK_HOLE)
            while offset < end:
                offset += os.pwrite(b.fileno(), os.pread(a.fileno(), min(1 << 20, end - offset), offset), offset)
        b.truncate(size)
    return time.monotonic() - started


def make_disks():
    if not (folder / 'debian.raw').exists():
        with open(folder / 'debian.raw', 'wb') as disk:
            disk.truncate(4 << 30)
        tree = folder / 'tree'
        tree.mkdir(exist_ok=True)
        total = 0
        for source in [pathlib.Path('/usr/bin'), pathlib.Path('/usr/sbin'), *sorted(pathlib.Path('/usr/share').iterdir())]:
            size = int(subprocess.check_output(['du', '-sm', source]).split()[0])
            if total + size < 1000:  # MiB
                total += size
                subprocess.run(['cp', '-a', source, tree], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-d', tree, folder / 'debian.raw'], check=True)
        shutil.rmtree(tree)
        subprocess.run(['fallocate', '--dig-holes', folder / 'debian.raw'], check=True)
    if not (folder / 'large.raw').exists():
        source = random.Random(1)
        with open(folder / 'large.raw', 'wb') as disk:
            disk.truncate(100 << 30)
            for place in range(64):
                disk.seek(place * (100 << 30) // 64 + 4096 * place)
                for _ in range(32):
                    disk.write(source.randbytes(1 << 19) + b'half of it packs well ' * 23831 + bytes(6))


def remove(*names):
    for name in names:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def qemu(*words):
    best = [['qemu-img', 'convert', *words], ['qemu-img', 'convert', '-W', '-m', '16', *words]]
    return {'qemu-img': best[0], 'qemu-img -W -m 16': best[1]}


def jobs(disk):
    """Name, our command, the others' commands, the output that is removed before each."""
    raw, q, v, x = f'{disk}.raw', f'{disk}.qcow2', f'{disk}.vhd', f'{disk}.xva'
    run([xenkiln, 'convert', '--quiet', '--replace', raw, q, v, x])
    unpack = f'rm -rf t && mkdir t && tar -C t -xf {x} && xva-img -p disk-export t/Ref:1000 out.raw; rm -rf t'
    pack = (f'rm -rf t && mkdir -p t/Ref:1000 && tar -C t -xf {x} ova.xml && '
            f'xva-img -p disk-import t/Ref:1000 {raw} && xva-img -p package out.xva t; rm -rf t')
    ours = [xenkiln, 'convert', '--quiet']
    yield 'raw to qcow2', ours + [raw, 'out.qcow2'], qemu('-f', 'raw', '-O', 'qcow2', raw, 'out.qcow2'), 'out.qcow2'
    yield 'qcow2 to raw', ours + [q, 'out.raw'], qemu('-f', 'qcow2', '-O', 'raw', q, 'out.raw'), 'out.raw'
    yield 'raw to vhd', ours + [raw, 'out.vhd'], qemu('-f', 'raw', '-O', 'vpc', raw, 'out.vhd'), 'out.vhd'
    yield 'vhd to raw', ours + [v, 'out.raw'], qemu('-f', 'vpc', '-O', 'raw', v, 'out.raw'), 'out.raw'
    yield 'qcow2 to vhd', ours + [q, 'out.vhd'], qemu('-f', 'qcow2', '-O', 'vpc', q, 'out.vhd'), 'out.vhd'
    if disk == 'debian' and shutil.which('xva-img'):
        yield 'raw to xva', ours + [raw, 'out.xva'], {'xva-img': pack}, 'out.xva'
        yield 'xva to raw', ours + [x, 'out.raw'], {'xva-img': unpack}, 'out.raw'
    if disk == 'debian':
        yield ('qcow2 to xva.zst', ours + ['--digests', '--compress', 'zstd:3', q, 'out.xva.zst'],
               {'zstd -3 -T2 of the xva': f'zstd -q -3 -T2 -c {x} > out.xva.zst'}, 'out.xva.zst')
    if disk == 'debian' and os.environ.get('XZ'):
        yield ('qcow2 to xva.xz', ours + ['--digests', '--compress', 'xz:1', q, 'out.xva.xz'],
               {'xz -1 -T2 of the xva': f'xz -1 -T2 --block-size=16MiB -c {x} > out.xva.xz'}, 'out.xva.xz')


make_disks()
print(f'{"job":26}{"xenkiln s":>10}{"MiB":>6}{"other s":>9}{"ratio":>7}{"floor s":>9}  best of the others')
for disk in ('debian', 'large'):
    for name, ours, others, output in jobs(disk):
        times, peak = {}, 0
        for _ in range(ROUNDS):
            for tool, command in [('xenkiln', ours), *others.items()]:
                remove(output, output + '.sha256')
                seconds, memory = run(command)
                times[tool] = min(times.get(tool, 1e9), seconds)
                peak = max(peak, memory) if tool == 'xenkiln' else peak
            remove('floor.raw')
            times['floor'] = min(times.get('floor', 1e9), floor(f'{disk}.raw', 'floor.raw'))
            remove('floor.raw', output, output + '.sha256')
        best = min(others, key=lambda tool: times[tool])
        print(f'{disk + ": " + name:26}{times["xenkiln"]:10.2f}{peak:6.0f}{times[best]:9.2f}'
              f'{times["xenkiln"] / times[best]:7.2f}{times["floor"]:9.2f}  {best}', flush=True)
