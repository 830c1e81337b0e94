# SPDX-License-Identifier: Apache-2.0
"""`xenkiln convert` as people use it: real files, real tools as judges (qemu-img, xz, gzip, zstd, vhdiinfo, qcowinfo and,
where the reference folder is, its XVA checker). What a test cannot do on this machine it skips, saying so."""
import hashlib
import json
import os
import pathlib
import pty
import random
import resource
import shutil
import struct
import subprocess
import time
import unittest

import service
import xva

MIB = 1 << 20
SIZE = 24 * MIB


def disk_bytes():
    """An MBR, noise, text and zeroes, in places that are no multiple of anything."""
    noise = random.Random(4)
    disk = bytearray(SIZE)
    disk[446:462] = struct.pack('<B3sB3sII', 0x80, b'\1\1\0', 0x83, b'\xfe\xff\xff', 2048, SIZE // 512 - 2048)
    disk[510:512] = b'\x55\xaa'
    for offset, data in ((MIB, noise.randbytes(70_000)), (3 * MIB - 777, b'the same again. ' * 20_000),
                         (11 * MIB + 512, noise.randbytes(3 * MIB)), (SIZE - 512, noise.randbytes(512))):
        disk[offset:offset + len(data)] = data
    return bytes(disk)


def write_sparse(path, data):
    with open(path, 'wb') as file:
        for offset in range(0, len(data), 4096):
            if any(part := data[offset:offset + 4096]):
                file.seek(offset)
                file.write(part)
        file.truncate(len(data))


class Convert(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = service.programs()
        cls.addClassCleanup(service.remove, cls.bin)
        cls.folder = service.folder_of_user('convert')
        cls.addClassCleanup(service.remove, cls.folder)
        cls.content = disk_bytes()
        cls.raw = cls.folder / 'disk.raw'
        write_sparse(cls.raw, cls.content)
        os.chown(cls.raw, service.USER.pw_uid, service.USER.pw_gid)
        cls.inputs = {'disk.raw': cls.raw}
        for name, options in (('plain.qcow2', ['-O', 'qcow2']), ('old.qcow2', ['-O', 'qcow2', '-o', 'compat=0.10']),
                              ('packed.qcow2', ['-O', 'qcow2', '-c']),
                              ('zstd.qcow2', ['-O', 'qcow2', '-c', '-o', 'compression_type=zstd']),
                              ('extended.qcow2', ['-O', 'qcow2', '-o', 'extended_l2=on,cluster_size=128k']),
                              ('qemu.vhd', ['-O', 'vpc', '-o', 'force_size=on']),
                              ('fixed.vhd', ['-O', 'vpc', '-o', 'force_size=on,subformat=fixed']),
                              ('sparse.vmdk', ['-O', 'vmdk']),
                              ('stream.vmdk', ['-O', 'vmdk', '-o', 'subformat=streamOptimized'])):
            cls.tool('qemu-img', 'convert', '-f', 'raw', *options, cls.raw, cls.folder / name)
            cls.inputs[name] = cls.folder / name
        cls.convert(cls.raw, cls.folder / 'ours.xva')
        cls.inputs['ours.xva'] = cls.folder / 'ours.xva'

    @classmethod
    def tool(cls, *command):
        done = service.run_as_user([str(word) for word in command])
        assert done.returncode == 0, f'{command}: {done.stdout}{done.stderr}'
        return done.stdout

    @classmethod
    def xenkiln(cls, *arguments, **more):
        return service.run_as_user([cls.bin / 'xenkiln', *arguments], **more)

    @classmethod
    def convert(cls, *arguments, **more):
        done = cls.xenkiln('convert', *arguments, **more)
        assert done.returncode == 0, f'convert {arguments}: exit {done.returncode}: {done.stderr}'
        return done

    def setUp(self):
        self.out = self.folder / self.id().rsplit('.', 1)[1][:40]
        self.out.mkdir()
        os.chown(self.out, service.USER.pw_uid, service.USER.pw_gid)

    def tearDown(self):
        service.remove(self.out)

    def refused(self, *arguments, says=(), code=1, **more):
        done = self.xenkiln('convert', *arguments, **more)
        self.assertEqual(done.returncode, code, done)
        for word in says:
            self.assertIn(str(word), done.stderr)
        return done

    # -- every direction, with judges ---------------------------------------------------------------
    def judge(self, output, kind):
        """Others' programs read what we wrote, and find the disk in it."""
        if kind == 'xva':
            folder = self.out / 'unpacked'
            folder.mkdir()
            xva.unpack(output, folder)
            self.assertEqual((folder / 'disk1.raw').read_bytes(), self.content)
            shutil.rmtree(folder)
            return
        driver = {'vhd': 'vpc'}.get(kind, kind)
        self.tool('qemu-img', 'compare', '-f', driver, '-F', 'raw', output, self.raw)
        told = json.loads(self.tool('qemu-img', 'info', '-f', driver, '--output=json', output))
        self.assertEqual(told['virtual-size'], SIZE)
        if kind == 'qcow2':
            report = json.loads(self.tool('qemu-img', 'check', '--output=json', '-f', 'qcow2', output))
            self.assertEqual([report.get(what, 0) for what in ('leaks', 'corruptions', 'check-errors')], [0, 0, 0])
        reader = {'qcow2': 'qcowinfo', 'vhd': 'vhdiinfo'}.get(kind)
        if reader and shutil.which(reader) and 'zstd' not in output.name:  # libqcow does not know zstd
            self.assertIn(str(SIZE), self.tool(reader, output).replace('(', ' '))

    def test_every_input_into_every_output(self):
        outputs = {'a.raw': [], 'a.qcow2': [], 'zlib.qcow2': ['--to', 'qcow2-zlib'],
                   'zstd.qcow2': ['--to', 'qcow2-zstd'], 'a.vhd': [], 'fixed.vhd': ['--to', 'vhd-fixed'], 'a.xva': []}
        first = {}
        for source, path in self.inputs.items():
            for name, options in outputs.items():
                if source not in ('disk.raw', 'plain.qcow2', 'qemu.vhd', 'ours.xva') and name not in ('a.raw', 'a.qcow2', 'a.vhd'):
                    continue
                with self.subTest(source=source, output=name):
                    output = self.out / f'{source}-{name}'
                    self.convert(path, output, *options, *(['--name', 'disk'] if 'xva' in name else []))
                    if source == 'disk.raw':
                        first[name] = output.read_bytes()
                    if output.read_bytes() != first[name]:  # coarser knowledge of zeroes gives other bytes, the same disk
                        self.assertNotEqual(name, 'a.raw')
                        self.judge(output, name.rsplit('.', 1)[1])
                    elif source == 'disk.raw':
                        self.judge(output, name.rsplit('.', 1)[1])
                    output.unlink()

    def test_the_reference_checker_takes_our_archives(self):
        for name, options in (('a.xva', []), ('small.xva', ['--vcpus', '3', '--memory', '512']),
                              ('uefi.xva', ['--firmware', 'uefi', '--name', 'a <b> & "c"'])):
            self.convert(self.raw, self.out / name, *options)
            if not xva.judge(self.out / name, self.out / 'judged'):
                self.skipTest('the reference XVA checker is not here')

    def test_packed_outputs_unpack_to_the_plain_ones(self):
        self.convert(self.raw, self.out / 'plain.vhd')
        self.convert(self.raw, self.out / 'plain.xva')
        for kind in ('vhd', 'xva'):
            plain = (self.out / f'plain.{kind}').read_bytes()
            for ending, tool in (('xz', 'xz'), ('gz', 'gzip'), ('zst', 'zstd')):
                packed = self.out / f'plain.{kind}.{ending}'
                self.convert(self.raw, packed, '--compress', f'{ending}:1')
                self.tool(tool, '-t', packed)
                unpacked = subprocess.run([tool, '-dc', packed], capture_output=True, check=True).stdout
                if (kind, tool) != ('xva', 'zstd'):  # its checksums are of another kind
                    self.assertEqual(unpacked, plain, packed.name)
                self.convert(packed, self.out / 'back.raw', '--replace')
                self.assertEqual((self.out / 'back.raw').read_bytes(), self.content)

    def test_archives_that_others_packed_are_read(self):
        self.convert(self.raw, self.out / 'a.xva')
        for tool, ending, options in (('gzip', 'gz', ['-1']), ('zstd', 'zst', ['-1', '--long=27']), ('xz', 'xz', ['-0'])):
            packed = self.out / f'b.xva.{ending}'
            with open(packed, 'wb') as file:
                subprocess.run([tool, *options, '-c', self.out / 'a.xva'], stdout=file, check=True)
            for target in ('b.raw', 'b.qcow2'):
                self.convert(packed, self.out / target, '--replace')
                self.judge(self.out / target, target[2:])

    def test_the_same_input_gives_the_same_bytes(self):
        for name in ('a.qcow2', 'a.vhd', 'a.xva.gz', 'a.raw.zst'):
            digests = set()
            for jobs in ('1', '3'):
                self.convert(self.raw, self.out / name, '--replace', '--jobs', jobs)
                digests.add(hashlib.sha256((self.out / name).read_bytes()).hexdigest())
            self.assertEqual(len(digests), 1, name)

    def test_padding_is_said_and_nothing_is_cut(self):
        odd = self.out / 'odd.raw'
        odd.write_bytes(b'x' * (MIB + 1000))
        for name, size in (('odd.qcow2', MIB + 1024), ('odd.vhd', MIB + 1024), ('odd.xva', 2 * MIB)):
            done = self.convert(odd, self.out / name)
            self.assertIn(f'the disk of {MIB + 1000} bytes is padded with zeroes to {size}', done.stderr)
            self.convert(self.out / name, self.out / 'back.raw', '--replace')
            self.assertEqual((self.out / 'back.raw').read_bytes(), odd.read_bytes().ljust(size, b'\0'))

    # -- streams and several outputs ----------------------------------------------------------------
    def test_standard_input_and_output(self):
        def pipe(arguments, data):
            return self.xenkiln('convert', *arguments, input=data, text=False, stdin=None)
        qcow2 = (self.folder / 'plain.qcow2').read_bytes()
        done = pipe(['-', '-', '--to', 'raw'], qcow2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.content)
        self.assertIn(b'/var/tmp', done.stderr)  # where it was spooled
        done = pipe(['-', '-', '--from', 'raw', '--to', 'vhd', '--spool', str(self.out)], self.content)
        (self.out / 'a.vhd').write_bytes(done.stdout)
        self.judge(self.out / 'a.vhd', 'vhd')
        self.assertIn(str(self.out).encode(), done.stderr)
        done = pipe(['-', self.out / 'a.qcow2'], self.content)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'--from raw', done.stderr)
        self.assertEqual(pipe(['-', '-'], qcow2).returncode, 2)  # no ending says what to write
        self.assertEqual(pipe(['-', '-', '--to', 'raw', '--digests'], qcow2).returncode, 2)

    def test_an_archive_becomes_raw_without_a_spool(self):
        def pipe(data, *arguments):
            return self.xenkiln('convert', '-', *arguments, '--spool', '/nonexistent', input=data, text=False, stdin=None)
        self.convert(self.raw, self.out / 'a.xva')
        plain = (self.out / 'a.xva').read_bytes()
        for tool in ('cat', 'gzip', 'zstd', 'xz'):
            packed = subprocess.run([tool, *(['-1c'] if tool != 'cat' else [])], input=plain, capture_output=True, check=True).stdout
            done = pipe(packed, '-', '--to', 'raw')
            self.assertEqual((done.returncode, done.stderr), (0, b''), tool)
            self.assertEqual(done.stdout, self.content, tool)
            flipped = bytearray(packed)
            flipped[len(packed) // 2] ^= 1
            for damaged in (packed[:len(packed) // 2], packed[:-1100], bytes(flipped), packed + packed):
                done = pipe(damaged, self.out / 'damaged.raw')
                self.assertEqual(done.returncode, 1, tool)
                self.assertFalse((self.out / 'damaged.raw').exists(), tool)
        self.assertIn(b'nonexistent', pipe(plain, self.out / 'b.qcow2').stderr)  # needs a spool
        self.convert(self.raw, self.out / 'a.xva.xz')
        self.convert(self.out / 'a.xva.xz', self.out / 'c.raw', '--spool', '/nonexistent')
        self.assertEqual((self.out / 'c.raw').read_bytes(), self.content)

    def test_several_outputs_in_one_pass_with_digests(self):
        names = ['all.raw', 'all.qcow2', 'all.vhd', 'all.xva', 'all.xva.zst']
        self.convert(self.folder / 'packed.qcow2', *(self.out / name for name in names), '--digests', '--name', 'all')
        for name in names[:-1]:
            self.judge(self.out / name, name[4:])
        for name in names:
            self.tool('sh', '-c', f'cd {self.out} && sha256sum -c {name}.sha256')
        (self.out / 'unpacked.xva').write_bytes(subprocess.run(['zstd', '-dc', self.out / 'all.xva.zst'], capture_output=True).stdout)
        self.judge(self.out / 'unpacked.xva', 'xva')
        (self.out / 'unpacked.xva').unlink()
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), sorted(names + [f'{name}.sha256' for name in names]))

    def test_of_several_outputs_one_that_fails_leaves_none(self):
        (self.out / 'b.vhd').write_text('is there')
        self.refused(self.raw, self.out / 'a.qcow2', self.out / 'b.vhd', says=['b.vhd', '--replace'])
        self.assertEqual([path.name for path in self.out.iterdir()], ['b.vhd'])
        source = self.out / 'text.raw'
        source.write_bytes(b'some text ' * MIB)
        for _ in range(3):  # it fails near its end, perhaps after the other was done
            self.refused(source, self.out / 'a.raw.zst', self.out / 'c.raw', '--digests', says=['c.raw', 'File too large'],
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10 * MIB - 9, 10 * MIB - 9)))
            self.assertEqual(sorted(path.name for path in self.out.iterdir()), ['b.vhd', 'text.raw'])
        (self.out / 'a.vhd.sha256').write_text('is there')
        self.refused(source, self.out / 'a.vhd', '--digests', says=['a.vhd.sha256'])
        self.assertFalse((self.out / 'a.vhd').exists())

    # -- refusals -----------------------------------------------------------------------------------
    def test_raw_that_is_really_another_format_is_refused(self):
        lying = self.out / 'guest.raw'
        shutil.copy(self.folder / 'plain.qcow2', lying)
        self.refused(lying, self.out / 'a.qcow2', says=[lying, 'the content is qcow2', '--from qcow2', '--from raw --force'])
        self.refused(lying, self.out / 'a.qcow2', '--from', 'raw', says=['--from raw --force'])
        self.refused(lying, self.out / 'a.qcow2', '--from', 'vhd', says=['qcow2'])
        self.convert(lying, self.out / 'inner.raw', '--from', 'qcow2')
        self.assertEqual((self.out / 'inner.raw').read_bytes(), self.content)
        self.convert(lying, self.out / 'bytes.raw', '--from', 'raw', '--force')
        self.assertEqual((self.out / 'bytes.raw').read_bytes(), lying.read_bytes())

    def test_a_disk_that_looks_like_an_image_does_not_become_raw(self):
        inner = self.folder / 'plain.qcow2'
        self.convert(inner, self.out / 'outer.vhd', '--from', 'raw', '--force')
        for name in ('outer.raw', 'outer.raw.gz'):
            self.refused(self.out / 'outer.vhd', self.out / name, says=['signature of qcow2', '--nested'])
            self.assertFalse((self.out / name).exists())
        self.convert(self.out / 'outer.vhd', self.out / 'outer.qcow2')  # says what it is
        self.convert(self.out / 'outer.vhd', self.out / 'outer.raw', '--nested')
        self.assertEqual((self.out / 'outer.raw').read_bytes(), inner.read_bytes())
        self.convert(self.out / 'outer.vhd', self.out / 'outer.xva')
        done = self.xenkiln('convert', '-', self.out / 'b.raw', input=(self.out / 'outer.xva').read_bytes(), text=False, stdin=None)
        self.assertIn(b'signature of qcow2', done.stderr)

    def test_a_partition_table_that_readers_take_differently(self):
        table = bytearray(self.content)
        table[450], table[447:450], table[454:458] = 0xee, b'\0\2\0', b'\1\0\0\0'
        table[462 + 4] = 0x83  # beside the protective entry another one
        hybrid = self.out / 'hybrid.raw'
        hybrid.write_bytes(table)
        self.refused(hybrid, self.out / 'a.qcow2', says=['is one of 2 entries', '--from raw --force'])
        done = self.convert(hybrid, self.out / 'a.qcow2', '--from', 'raw', '--force')
        self.assertIn('is one of 2 entries', done.stderr)
        told = json.loads(self.xenkiln('inspect', '--json', self.out / 'a.qcow2').stdout)
        self.assertIn('is one of 2 entries', told['warnings'][0])

    def test_an_image_that_names_another_file_is_refused(self):
        secret = self.out / 'secret'
        secret.write_bytes(b's' * MIB)
        self.tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', self.out / 'backed.qcow2')
        self.tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', f'data_file={self.out / "data"}', self.out / 'outside.qcow2', '1M')
        self.tool('qemu-img', 'create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', self.out / 'flat.vmdk', '1M')
        for name, word in (('backed.qcow2', 'backing'), ('outside.qcow2', 'data file'), ('flat.vmdk', 'descriptor')):
            self.refused(self.out / name, self.out / 'stolen.raw', says=[word])
            self.assertFalse((self.out / 'stolen.raw').exists())

    def test_an_output_that_is_there_is_kept(self):
        (self.out / 'a.qcow2').write_text('old')
        self.refused(self.raw, self.out / 'a.qcow2', says=['--replace'])
        self.assertEqual((self.out / 'a.qcow2').read_text(), 'old')
        self.refused(self.folder / 'none.raw', self.out / 'a.qcow2', '--replace', says=['none.raw'])
        self.assertEqual((self.out / 'a.qcow2').read_text(), 'old')
        self.convert(self.raw, self.out / 'a.qcow2', '--replace')
        self.judge(self.out / 'a.qcow2', 'qcow2')

    def test_exit_codes(self):
        self.assertEqual(self.convert(self.raw, self.out / 'a.qcow2').returncode, 0)
        for arguments in ((self.raw,), (self.raw, self.out / 'a.txt'), (self.raw, self.out / 'b.qcow2', '--to', 'vhdx'),
                          (self.raw, self.out / 'b.qcow2', '--compress', 'xz:77'), (self.raw, self.out / 'b.qcow2', '--jobs', 'x'),
                          (self.raw, self.out / 'b.qcow2', '--from', 'qcow2', '--force'),
                          (self.raw, self.out / 'b.qcow2', '--disk', '2'), (self.raw, self.out / 'b.qcow2', '--color')):
            self.refused(*arguments, code=2)
            self.assertFalse((self.out / 'b.qcow2').exists(), arguments)
        self.refused(self.out / 'none.qcow2', self.out / 'b.raw', says=['none.qcow2'])
        self.refused(self.raw, self.out / 'no/such/folder.vhd', says=['no/such'])
        for command, good in (('inspect', self.raw), ('map', self.raw), ('check', self.out / 'a.qcow2')):
            self.assertEqual(self.xenkiln(command, good).returncode, 0, command)
            self.assertEqual(self.xenkiln(command, self.out / 'none').returncode, 1, command)
            self.assertEqual(self.xenkiln(command).returncode, 2, command)
        self.assertEqual(self.xenkiln('compare', self.raw, self.out / 'a.qcow2').returncode, 0)
        self.convert(self.raw, self.out / 'other.raw')
        with open(self.out / 'other.raw', 'r+b') as file:
            file.seek(5 * MIB)
            file.write(b'x')
        told = self.xenkiln('compare', self.out / 'other.raw', self.out / 'a.qcow2')
        self.assertEqual(told.returncode, 1)
        self.assertIn(str(5 * MIB), told.stdout)

    def test_block_devices(self):
        if os.geteuid() != 0:
            self.skipTest('a loop device needs root')
        def device(size):
            backing = self.out / f'{size}.device'
            backing.write_bytes(b'\xff' * size)
            made = subprocess.run(['losetup', '--find', '--show', backing], capture_output=True, text=True)
            if made.returncode != 0:
                self.skipTest(f'no loop device here: {made.stderr.strip()}')
            self.addCleanup(subprocess.run, ['losetup', '--detach', made.stdout.strip()], check=True)
            return made.stdout.strip(), backing
        def convert(*arguments):
            return subprocess.run([self.bin / 'xenkiln', 'convert', *arguments], capture_output=True, text=True)
        small, backing = device(SIZE - 4096)
        done = convert(self.raw, small, '--to', 'raw')
        self.assertEqual(done.returncode, 1)
        for word in (small, str(SIZE - 4096), str(SIZE), 'nothing was written'):
            self.assertIn(word, done.stderr)
        self.assertEqual(backing.read_bytes(), b'\xff' * (SIZE - 4096))
        large, backing = device(SIZE + MIB)
        self.assertEqual(convert(self.raw, large, '--to', 'qcow2').returncode, 2)
        done = convert(self.folder / 'packed.qcow2', large, '--to', 'raw')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(backing.read_bytes()[:SIZE], self.content)  # holes are zeroes now, not 0xff
        done = convert(large, self.out / 'from-device.qcow2', '--from', 'raw')
        self.assertEqual(done.returncode, 0, done.stderr)
        subprocess.run(['mke2fs', '-q', large], check=True)
        mounted = self.out / 'mounted'
        mounted.mkdir()
        if subprocess.run(['mount', large, mounted], capture_output=True).returncode != 0:
            self.skipTest('mounting is not allowed here; the rest of this test passed')
        try:
            done = convert(self.raw, large, '--to', 'raw')
        finally:
            subprocess.run(['umount', mounted], check=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('mounted or in use', done.stderr)

    # -- failures leave nothing ---------------------------------------------------------------------
    def noise(self, name, size):
        path = self.out / name
        with open(path, 'wb') as file:
            subprocess.run(['head', '-c', str(size), '/dev/urandom'], stdout=file, check=True)
        return path

    def test_a_killed_conversion_leaves_nothing(self):
        source = self.noise('noise.raw', 64 * MIB)
        (self.out / 'old.raw.xz').write_text('old')
        for output, options in (('a.raw.xz', []), ('old.raw.xz', ['--replace'])):
            process = subprocess.Popen([self.bin / 'xenkiln', 'convert', source, self.out / output, '--compress', 'xz:9',
                                        '--jobs', '1', *options], stderr=subprocess.DEVNULL, **service.as_user())
            time.sleep(1)
            self.assertIsNone(process.poll(), 'the conversion was over too soon to be killed')
            process.kill()
            process.wait()
            self.assertEqual(sorted(path.name for path in self.out.iterdir()), ['noise.raw', 'old.raw.xz'])
        self.assertEqual((self.out / 'old.raw.xz').read_text(), 'old')

    def test_a_full_disk_leaves_nothing(self):
        source = self.noise('noise.raw', 12 * MIB)
        small = self.out / 'small'
        small.mkdir()
        os.chown(small, service.USER.pw_uid, service.USER.pw_gid)
        for name in ('a.raw', 'a.qcow2', 'a.vhd.gz', 'a.xva'):
            script = (f'mount -t tmpfs -o size=8m none {small} || exit 77; {self.bin}/xenkiln convert {source} {small}/{name}; '
                      f'echo exit $?; ls -A {small}')
            done = service.run_as_user(['unshare', '--map-root-user', '--mount', 'sh', '-c', script])
            if done.returncode == 77 or 'unshare failed' in done.stderr:
                self.skipTest(f'no tmpfs of its own here: {done.stderr.strip()}')
            self.assertEqual(done.stdout, 'exit 1\n', done)
            self.assertIn('No space left', done.stderr)

    def test_a_limit_of_file_size_leaves_nothing(self):
        source = self.noise('noise.raw', 12 * MIB)
        for name in ('a.raw', 'a.qcow2', 'a.xva.zst'):
            done = self.refused(source, self.out / name, says=[name, 'File too large'],
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6 * MIB, 6 * MIB)))
            self.assertEqual([path.name for path in self.out.iterdir()], ['noise.raw'], done)

    def test_a_reader_that_goes_away_ends_it(self):
        source = self.noise('noise.raw', 12 * MIB)
        process = subprocess.Popen([self.bin / 'xenkiln', 'convert', source, '-', '--to', 'raw'], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **service.as_user())
        process.stdout.read(100)
        process.stdout.close()
        self.assertIn(b'standard output', process.stderr.read())
        process.stderr.close()
        self.assertEqual(process.wait(20), 1)

    # -- memory, and work, in proportion to the data ------------------------------------------------
    def measured(self, *arguments):
        """Peak memory of a conversion in MiB, and MiB that it read and wrote, as the kernel counts them."""
        def moved():
            counts = dict(line.split(': ') for line in pathlib.Path('/proc/self/io').read_text().splitlines())
            return int(counts['rchar']) + int(counts['wchar'])  # children are added when they are waited for
        settings = service.as_user()
        settings['env'] |= {'ASAN_OPTIONS': 'quarantine_size_mb=1'}
        before = moved()
        process = subprocess.Popen([self.bin / 'xenkiln', 'convert', '--quiet', *arguments], **settings)
        _, status, usage = os.wait4(process.pid, 0)
        self.assertEqual(status, 0, arguments)
        process.returncode = 0
        return usage.ru_maxrss / 1024, (moved() - before) / MIB

    def test_memory_is_flat(self):
        small = self.noise('small.raw', MIB)
        base, _ = self.measured(small, self.out / 'base.qcow2')
        limit = 64 if base < 40 else base + 40  # with sanitizers everything takes more from the start
        steps = [('a.raw', ['b.qcow2']), ('b.qcow2', ['c.vhd']), ('c.vhd', ['d.xva']), ('d.xva', ['e.raw']), ('e.raw', ['f.qcow2', 'f.vhd', 'f.xva'])]
        source = self.noise('a.raw', 160 * MIB)
        for first, outputs in steps:
            peak, _ = self.measured(self.out / first, *(self.out / name for name in outputs), '--zeroes', 'keep')
            self.assertLess(peak, limit, (first, outputs))
        self.tool('cmp', source, self.out / 'e.raw')

    def test_the_work_is_set_by_the_data_not_by_the_size(self):
        noise = random.Random(7)
        for size, kinds in (((2040 << 30), ('raw', 'vhd', 'qcow2', 'xva')), (2 << 40, ('raw', 'qcow2', 'xva'))):
            with open(self.out / 'from.raw', 'wb') as disk:
                disk.truncate(size)
                for place in range(40):
                    disk.seek(place * (size // 40) + 4096 * place)
                    disk.write(noise.randbytes(256 << 10))
            for kind in kinds[1:]:
                self.measured(self.out / 'from.raw', self.out / f'from.{kind}', '--replace')
            for source in kinds:
                for target in kinds:
                    if source == target or (size != 2040 << 30) == ('vhd' in (source, target)):
                        continue
                    started = time.monotonic()
                    peak, moved = self.measured(self.out / f'from.{source}', self.out / f'to.{target}')
                    # 40 blocks of 2 MiB of a VHD, read and written, and tables; 42 chunks of an XVA are less
                    self.assertLess(moved, 2 * 80 + 30, (source, target))
                    self.assertLess(time.monotonic() - started, 60, (source, target))
                    done = self.xenkiln('compare', self.out / 'from.raw', self.out / f'to.{target}')
                    self.assertEqual((done.returncode, done.stdout.splitlines()[-1:]), (0, ['same content']), done)
                    (self.out / f'to.{target}').unlink()

    # -- what the user sees -------------------------------------------------------------------------
    def test_progress_is_for_terminals_only(self):
        source = self.noise('noise.raw', 32 * MIB)
        command = [self.bin / 'xenkiln', 'convert', source, self.out / 'a.raw.gz', '--compress', 'gzip:9', '--jobs', '1',
                   '--replace', '--zeroes', 'keep']
        done = service.run_as_user(command)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))
        for options, expected in (([], True), (['--quiet'], False)):
            master, terminal = pty.openpty()
            process = subprocess.Popen(command + options, stderr=terminal, **service.as_user())
            os.close(terminal)
            shown = b''
            while True:
                try:
                    part = os.read(master, 4096)
                except OSError:  # EIO: the last one has closed it
                    break
                shown += part
            os.close(master)
            self.assertEqual(process.wait(60), 0)
            if expected:
                self.assertRegex(shown, rb'\d+\.\d %  \d+ MB/s  \d+ s left')
            else:
                self.assertEqual(shown, b'')


if __name__ == '__main__':
    unittest.main(verbosity=2)
