#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the code to its floors: every #include of ours against what its folder may stand on, and
every C library against the one place that may include it. Also the house rules a machine can see:
an SPDX line in each file, no file over 500 lines (tests 600), self-contained `#pragma once`."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.').resolve()

# The floors, lowest first: a room stands on those below it, and on what is named with it.
FLOORS = [
    ['formats', 'kickstart'],
    ['builders/job'],
    ['builders/network', 'builders/plan'],
    ['builders/sandbox'],
    ['builders/guest'],
    ['builders/packages'],
    ['builders/readiness', 'builders/steps'],
    ['builders'],                    # run_build, at the top and alone
    ['worker', 'client'],
    ['server'],
    ['cli'],
]
# Within a floor: room → the rooms of the same top folder that it may use. A room that is not named uses none but itself.
INSIDE = {
    'formats/base': [],
    'formats/stream': ['base'],
    'formats/disk': ['base', 'stream'],
    'formats/machine': ['base', 'stream', 'disk'],
    'formats/raw': ['base', 'stream', 'disk'],
    'formats/qcow2': ['base', 'stream', 'disk'],
    'formats/vhd': ['base', 'stream', 'disk'],
    'formats/vmdk': ['base', 'stream', 'disk'],
    'formats/ova': ['base', 'stream', 'disk', 'machine', 'vmdk'],   # its disks are VMDK
    'formats/xva': ['base', 'stream', 'disk', 'machine'],
    'formats/image': None,           # the only files that know all formats
    'server/catalog': [],
    'server/store': [],
    'server/uploads': [],
    'server/access': [],
    'server/images': ['catalog', 'store'],
    'server/publish': ['catalog', 'store'],
    'server/jobs': ['catalog', 'store', 'publish'],
    'server/pages': ['catalog', 'publish'],
    'server/api': ['catalog', 'store', 'uploads', 'images', 'publish', 'jobs', 'pages', 'access'],
    'server/http': ['api'],
}
ANYBODY = {'server'}                 # whose files directly below it (clock, config, message …) all its rooms may use
# Whom a room of another floor must not use although it lies below.
NEVER = [('formats/', r'boost/.*'), ('worker/', r'server/.*'), ('server/api/', r'boost/(asio|beast).*|sqlite3\.h'),
         ('server/http/', r'builders/.*')]
# System header → where it may be included (a file, or a folder ending in /).
ONE_PLACE = {
    r'guestfs\.h': ['builders/guest/guestfs_guest.cpp'],
    r'sqlite3\.h': ['server/catalog/'],
    r'(zlib|lzma|zstd|xxhash)\.h': ['formats/stream/', 'formats/qcow2/', 'formats/vmdk/'],
    r'openssl/.*': ['formats/stream/', 'client/', 'server/publish/', 'server/http/', 'server/access/'],
    r'libxml/.*': ['formats/xva/', 'formats/vmdk/', 'formats/ova/', 'formats/machine/', 'builders/packages/'],
    r'curl/.*': ['builders/network/curl_library'],
    r'seccomp\.h': ['builders/sandbox/'],
    r'boost/(asio|beast).*': ['server/http/'],
    r'boost/.*': ['builders/', 'worker/', 'client/', 'server/', 'cli/'],
    r'CLI/.*': ['cli/'],
    r'spdlog/.*': ['server/', 'cli/'],
}


def floor_of(name):
    """Index of the floor that a file stands on, and the room that named it; nothing for tests, benchmarks and the like."""
    for index, rooms in enumerate(FLOORS):
        for room in rooms:
            if name.startswith(room + '/') and (room != 'builders' or name.count('/') == 1):
                return index, room
    return None


def room_of(name):
    """"formats/vhd" of formats/vhd/vhd.hpp, "server" of server/clock.hpp."""
    parts = name.split('/')
    return '/'.join(parts[:2]) if len(parts) > 2 else parts[0]


def wrong_include(name, include):
    mine, theirs = floor_of(name), floor_of(include)
    if mine is None or theirs is None:
        return None if mine is None or include.split('/')[0] != 'builders' else f'{include} is in no room'
    if theirs[0] > mine[0] or (theirs[0] == mine[0] and theirs[1] != mine[1]):
        return f'{mine[1]} must not include {include}: the floor of {theirs[1]} is not below it'
    a, b = room_of(name), room_of(include)
    if a.split('/')[0] != b.split('/')[0] or a == b or a not in INSIDE or INSIDE[a] is None or b in ANYBODY:
        return None
    if b.split('/')[-1] not in INSIDE[a]:
        return f'{a} must not include {include}'
    return None


problems = []
listed = subprocess.run(['git', '-C', str(root), 'ls-files', '-co', '--exclude-standard'],
                        capture_output=True, text=True, check=True).stdout.split('\n')
for name in filter(None, listed):
    path = root / name
    if not path.is_file():
        continue
    suffix, top = path.suffix, name.split('/')[0]
    if suffix not in ('.cpp', '.hpp', '.py', '.sh', '.cmake', '.sql', '.js', '.css') and path.name not in (
            'CMakeLists.txt', 'quickstart', 'check', 'run', 'Dockerfile'):
        continue
    text = path.read_text(errors='replace')
    if 'SPDX-License-Identifier: Apache-2.0' not in text[:300]:
        problems.append(f'{name}: no SPDX line at its top')
    lines = text.count('\n')
    if suffix in ('.cpp', '.hpp') and lines > (600 if top in ('tests', 'bench') else 500):
        problems.append(f'{name}: {lines} lines; split it by idea')
    if suffix not in ('.cpp', '.hpp'):
        continue
    if suffix == '.hpp' and '#pragma once' not in text:
        problems.append(f'{name}: no #pragma once')
    for number, line in enumerate(text.split('\n'), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not found or floor_of(name) is None:
            continue
        include, where = found.group(2), f'{name}:{number}'
        if found.group(1) == '"':
            wrong = wrong_include(name, include)
            if wrong:
                problems.append(f'{where}: {wrong}')
        else:
            for pattern, places in ONE_PLACE.items():
                if re.fullmatch(pattern, include):
                    if not any(name.startswith(place) for place in places):
                        problems.append(f'{where}: <{include}> belongs to {", ".join(places)}')
                    break
        for prefix, pattern in NEVER:
            if name.startswith(prefix) and re.fullmatch(pattern, include):
                problems.append(f'{where}: {prefix} must not include {include}')

print('\n'.join(problems) or 'floors: every include stands where it may')
sys.exit(1 if problems else 0)
