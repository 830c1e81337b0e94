# SPDX-License-Identifier: Apache-2.0
"""An XVA reader that shares no code with the product: enough of xapi's rules to get the disks out.
With the reference checker beside the checkout, that one judges as well."""
import hashlib
import os
import subprocess
import tarfile
import xml.etree.ElementTree as ET

from service import SHARED

MIB = 1 << 20


def value(node):
    """XML-RPC value → python."""
    kids = list(node)
    if not kids:
        return node.text or ''
    kind = kids[0]
    if kind.tag == 'struct':
        return {m.find('name').text: value(m.find('value')) for m in kind}
    if kind.tag == 'array':
        return [value(v) for v in kind.find('data')]
    if kind.tag in ('int', 'i4', 'i8'):
        return int(kind.text)
    if kind.tag == 'boolean':
        return kind.text == '1'
    return kind.text or ''


def unpack(xva, folder):
    """Writes disk1.raw … into folder, checking each chunk's checksum. Returns the ova.xml objects."""
    with tarfile.open(xva, 'r|') as archive:
        first = archive.next()
        assert first.name == 'ova.xml', first.name
        objects = value(ET.fromstring(archive.extractfile(first).read()))['objects']
        disks = {o['id']: o['snapshot'] for o in objects if o['class'] == 'VDI'}
        files, last = {}, {}
        for number, reference in enumerate(sorted(disks), 1):
            files[reference] = open(folder / f'disk{number}.raw', 'wb')
            files[reference].truncate(int(disks[reference]['virtual_size']))
        while member := archive.next():
            reference, _, name = member.name.partition('/')
            data = archive.extractfile(member).read()
            if name.endswith('.checksum'):
                assert name[:-9] == last[reference][0], member.name
                assert data.decode() == hashlib.sha1(last[reference][1]).hexdigest(), member.name
            elif name.endswith('.xxhash'):
                assert name[:-7] == last[reference][0], member.name
            else:
                last[reference] = (name, data)
                files[reference].seek(int(name) * MIB)
                files[reference].write(data)
        for file in files.values():
            file.close()
    return objects


def judge(xva, folder):
    """The reference checker's verdict over both generations of xapi. False when it is not here."""
    checker = SHARED / 'formats/xva_check.py'
    if not checker.exists():
        return False
    folder.mkdir(exist_ok=True)
    for fields in ('api-fields.json', 'api-fields-8.2.json'):
        verdict = subprocess.run(
            ['python3', checker, '--strict', '--out', folder, xva], capture_output=True, text=True,
            env=os.environ | {'API_FIELDS': fields})
        assert verdict.returncode == 0, f'{fields}: {verdict.stdout[-2000:]}{verdict.stderr[-500:]}'
    return True
