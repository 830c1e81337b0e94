#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the pages to what a machine can see of them: every path and file name that they mention exists, links lead
somewhere, tables have as many cells in each row, no heading, line or table row stands twice in a page, lines have a width
that can be read in a terminal; that the API's page has each error that its code has. With the folder of the programs: every option that `serve --help` and `build --help` print
is explained in some page."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.').resolve()
programs = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
WIDEST = 140    # of prose; tables, blocks of code and lines that are one link may be wider

tracked = [name for name in subprocess.run(['git', '-C', str(root), 'ls-files', '-co', '--exclude-standard'], capture_output=True,
                                           text=True, check=True).stdout.split('\n') if name and (root / name).is_file()]
names = {pathlib.PurePath(name).name for name in tracked}
tops = sorted({name.split('/')[0] for name in tracked if '/' in name and not name.startswith('.')})
PATH = re.compile(r'(?<![\w./:$-])(?:' + '|'.join(map(re.escape, tops)) + r')/[\w./*-]*')
FILE = re.compile(r'(?<![\w./*-])[\w-]+\.(?:cpp|hpp|py|sql)\b')
LINK = re.compile(r'\]\(([^)\s]+)\)')
# Paths of other people's trees, and of what is made and not kept here.
FOREIGN = {'docs/interop/qcow2.txt', 'build/dev/bin', 'build/dev'}


def page_problems(name):
    lines = (root / name).read_text().split('\n')
    here, fence, table, headings, seen = (root / name).parent, False, [], set(), {}
    for number, line in enumerate([*lines, ''], 1):
        where = f'{name}:{number}'
        for path in PATH.findall(line):
            path = path.rstrip('.-')
            exists = list(root.glob(path)) if '*' in path else (root / path).exists() or (here / path).exists()
            if not exists and path.rstrip('/') not in FOREIGN and not path.startswith('build/'):
                yield f'{where}: there is no {path}'
        for file in FILE.findall(line):
            if file not in names:
                yield f'{where}: no file is called {file}'
        if line.startswith('```'):
            fence = not fence
        if fence:
            continue
        for target in LINK.findall(line):
            if not re.match(r'\w+:', target) and not (here / target.split('#')[0]).exists():
                yield f'{where}: the link to {target} leads nowhere'
        if line.startswith('|'):
            table.append((number, len(re.findall(r'(?<!\\)\|', line)), line))
            continue
        if table:
            rows, cells = [row for _, _, row in table], table[0][1]
            if len(table) < 3 or not re.fullmatch(r'[|: -]+', rows[1]):
                yield f'{name}:{table[0][0]}: rows without the head of a table'
            for at, count, _ in table:
                if count != cells:
                    yield f'{name}:{at}: {count - 1} cells where the head has {cells - 1}'
            for at, _, row in table[2:]:
                if rows.count(row) > 1:
                    yield f'{name}:{at}: the row is there twice'
            table = []
        if line.startswith('#'):
            if line in headings:
                yield f'{where}: the heading {line.lstrip("# ")} is there twice'
            headings.add(line)
        elif len(line) > 40:
            if line in seen:
                yield f'{where}: the same line as {seen[line]}'
            seen[line] = number
        if len(line) > WIDEST:
            yield f'{where}: {len(line)} columns, at most {WIDEST}'
    if fence:
        yield f'{name}: a block of code has no end'


def error_statuses():
    """Of the API's page and of the one table that answers them."""
    told = set(re.findall(r'(?m)^\| ([45]\d\d) \|', (root / 'docs/api.md').read_text()))
    known = set(re.findall(r'\{([45]\d\d), "', (root / 'server/api/error_response.cpp').read_text()))
    for status in sorted(told ^ known):
        yield f'docs/api.md: error {status} is only in ' + ('the page' if status in told else 'server/api/error_response.cpp')
    if not told:
        yield 'docs/api.md: no table of errors was found'


def untold_options(pages):
    text = '\n'.join((root / name).read_text() for name in pages)
    for command in ('serve', 'build'):
        told = subprocess.run([programs / 'xenkiln', command, '--help'], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r'(?m)^\s+(?:-\w,\s*)?(--[a-z0-9-]+)', told)) - {'--help', '--help-all'}
        if len(options) < 10:
            yield f'xenkiln {command} --help: only {len(options)} options were found in it'
        for option in sorted(options):
            if not re.search(re.escape(option) + r'(?![\w-])', text):
                yield f'xenkiln {command} {option}: no page tells of it'


pages = [name for name in tracked if name.endswith('.md')]
problems = [problem for name in pages for problem in page_problems(name)] + list(error_statuses())
if programs:
    problems += untold_options(pages)
print('\n'.join(problems) or f'docs: {len(pages)} pages say what is there')
sys.exit(bool(problems) or not pages)
