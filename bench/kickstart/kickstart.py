#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast kickstarts are read and judged: all of a folder in one process, and one file with the start of its process.

  bench/kickstart/kickstart.py XENKILN FOLDER [--runs 200]

FOLDER holds .ks files. Times are wall (best and median) and processor time (user + system) of the child processes: on
a machine with other work only the latter says something about the program, and that beside /bin/true. Limits: 500 ms for a folder of 451 real
files, 5 ms for one.
"""
import argparse
import pathlib
import resource
import statistics
import subprocess
import time


def run(command, rounds):
    """Best and median wall milliseconds, and mean processor milliseconds, of `rounds` runs."""
    if not subprocess.run(command, capture_output=True).stdout and command != ['/bin/true']:
        raise SystemExit(f'{command[:4]} says nothing: is xenkiln-main beside it?')
    walls = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(rounds):
        started = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        walls.append((time.perf_counter() - started) * 1000)
        if done.returncode not in (0, 1):   # 1: the file has errors, which is an answer
            raise SystemExit(f'{command[:4]} ended with {done.returncode}')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000 / rounds
    return min(walls), statistics.median(walls), processor


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('program')
    arguments.add_argument('folder', type=pathlib.Path)
    arguments.add_argument('--runs', type=int, default=200)
    chosen = arguments.parse_args()
    files = sorted(str(file) for file in chosen.folder.glob('*.ks'))
    if not files:
        raise SystemExit(f'there is no .ks file in {chosen.folder}')
    middle = sorted(files, key=lambda file: pathlib.Path(file).stat().st_size)[len(files) // 2]
    print('| what | best | median | processor |\n|---|---|---|---|')
    for what, command, rounds in (
            (f'lint of {len(files)} files in one process', [chosen.program, 'kickstart', 'lint', *files], 10),
            ('lint of one file of middle size', [chosen.program, 'kickstart', 'lint', middle], chosen.runs),
            ('parse --json of the same', [chosen.program, 'kickstart', 'parse', '--json', middle], chosen.runs),
            ('plan of the same', [chosen.program, 'kickstart', 'plan', middle], chosen.runs),
            ('start alone (--version)', [chosen.program, '--version'], chosen.runs),
            ('for comparison: /bin/true', ['/bin/true'], chosen.runs)):
        best, median, processor = run(command, rounds)
        print(f'| {what} | {best:.1f} ms | {median:.1f} ms | {processor:.1f} ms |', flush=True)


if __name__ == '__main__':
    main()
