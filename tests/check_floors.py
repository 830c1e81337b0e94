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

STANDS_ON = {
    'kickstart': {'kickstart'},
    'formats': {'formats'},
    'builders': {'builders', 'kickstart', 'formats'},
    'server': {'server', 'builders', 'kickstart', 'formats'},
    'cli': {'cli', 'server', 'builders', 'kickstart', 'formats'},
}
# Folder under formats/ → the other folders of formats/ it may use; image_format* knows all of them.
SHARED_FORMATS = {'base', 'disk', 'stream'}
# System header → where it may be included (a file, or a folder ending in /).
ONE_PLACE = {
    r'guestfs\.h': ['builders/guestfs_guest.cpp'],
    r'sqlite3\.h': ['server/catalog/'],
    r'(zlib|lzma|zstd|xxhash)\.h': ['formats/stream/', 'formats/qcow2/', 'formats/vmdk/'],
    r'openssl/.*': ['formats/stream/', 'server/publish/', 'server/http/', 'server/tokens/'],
    r'libxml/.*': ['formats/xva/', 'formats/vmdk/', 'formats/ova/', 'builders/packages/', 'builders/hardware/'],
    r'curl/.*': ['builders/network/curl_library'],
    r'seccomp\.h': ['builders/sandbox'],
    r'boost/(asio|beast).*': ['server/http/'],
    r'boost/.*': ['builders/', 'server/', 'cli/'],
    r'CLI/.*': ['cli/'],
    r'spdlog/.*': ['server/', 'cli/'],
}
FORBIDDEN = [('server/api/', r'boost/(asio|beast).*|sqlite3\.h'),
             ('server/http/', r'server/(catalog|publish)/.*|builders/.*')]

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
        if not found or top not in STANDS_ON:
            continue
        include, where = found.group(2), f'{name}:{number}'
        if found.group(1) == '"':
            floor = include.split('/')[0]
            if floor not in STANDS_ON[top]:
                problems.append(f'{where}: {top} must not include {include}')
            if top == 'formats' and floor == 'formats':
                mine, theirs = name.split('/'), include.split('/')
                if (len(mine) > 2 and len(theirs) > 2 and theirs[1] not in SHARED_FORMATS | {mine[1]}
                        and not (mine[1] == 'ova' and theirs[1] == 'vmdk')):
                    problems.append(f'{where}: one format must not include another ({include})')
        else:
            for pattern, places in ONE_PLACE.items():
                if re.fullmatch(pattern, include):
                    if not any(name.startswith(place) for place in places):
                        problems.append(f'{where}: <{include}> belongs to {", ".join(places)}')
                    break
        for prefix, pattern in FORBIDDEN:
            if name.startswith(prefix) and re.fullmatch(pattern, include):
                problems.append(f'{where}: {prefix} must not include {include}')

print('\n'.join(problems) or 'floors: every include stands where it may')
sys.exit(1 if problems else 0)
