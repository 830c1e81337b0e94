#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conversions against qemu-img and xva-img, in one run on one machine: bench/convert/convert.py XENKILN [FOLDER].

Two disks are made in FOLDER (the current one): `debian`, 4 GiB with a file system of this machine's /usr, and
`large`, 100 GiB with 2 GiB of data in 64 places. Every job is run by each tool in turn, ROUNDS times; the best
time of each counts. The page cache is warm for all, nothing is synced by any; what one run left behind is written
out before the next. `floor` is a plain read and write of the allocated bytes. Prints one line per job with the
ratio to the best of the others."""
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
    """Wall seconds, processor seconds and MiB of memory of one command, which must succeed."""
    started = time.monotonic()
    process = subprocess.Popen(command, shell=isinstance(command, str), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, cwd=folder)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status != 0:
        raise SystemExit(f'{command}: {error.decode()}')
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def floor(source, target):
    started, before = time.monotonic(), time.process_time()
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
    return time.monotonic() - started, time.process_time() - before, 0


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
    # xva-img works on a folder of chunks: tar unpacks an archive for it, and it packs one itself. Its ova.xml is ready.
    run(f'rm -rf t ova && mkdir ova && tar -C ova -xf {x} ova.xml')
    unpack = f'mkdir t && tar -C t -xf {x} && xva-img -p disk-export t/Ref:1000 out.raw'
    pack = f'mkdir -p t/Ref:1000 && cp ova/ova.xml t && xva-img -p disk-import t/Ref:1000 {raw} && xva-img -p package out.xva t'
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
print(f'{"":32}{"wall seconds":^30}{"processor seconds":^24}')
print(f'{"job":26}{"MiB":>6}{"xenkiln":>9}{"other":>7}{"ratio":>7}{"floor":>7}{"xenkiln":>9}{"other":>7}{"ratio":>7}'
      '  best of the others')
for disk in os.environ.get('DISKS', 'debian large').split():
    for name, ours, others, output in jobs(disk):
        if os.environ.get('JOBS', name) not in name:
            continue
        best = {}  # of each tool: the least of each figure
        for _ in range(ROUNDS):
            for tool, command in [('xenkiln', ours), *others.items(), ('floor', None)]:
                remove(output, output + '.sha256', 'floor.raw', 't')
                os.sync()
                figures = run(command) if command else floor(f'{disk}.raw', 'floor.raw')
                best[tool] = (min(figures[0], best.get(tool, figures)[0]), min(figures[1], best.get(tool, figures)[1]),
                              max(figures[2], best.get(tool, figures)[2]))
        remove(output, output + '.sha256', 'floor.raw', 't')
        rival = min(others, key=lambda tool: best[tool][0])
        frugal = min(others, key=lambda tool: best[tool][1])
        wall, processor, memory = best['xenkiln']
        print(f'{disk + ": " + name:26}{memory:6.0f}{wall:9.2f}{best[rival][0]:7.2f}{wall / best[rival][0]:7.2f}'
              f'{best["floor"][0]:7.2f}{processor:9.2f}{best[frugal][1]:7.2f}{processor / best[frugal][1]:7.2f}'
              f'  {rival}' + (f'; processor {frugal}' if frugal != rival else ''), flush=True)
