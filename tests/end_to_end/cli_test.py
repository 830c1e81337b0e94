# SPDX-License-Identifier: Apache-2.0
"""The command line as people type it: help, exit codes, what goes to which stream. `build` runs with a
script in the worker's place, so that its own part is tested without making an image."""
import hashlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import unittest

import service

TINY = service.SOURCE / 'tests/data/recipes/tiny.ks'
WORKER = '''#!/usr/bin/env python3
import hashlib, json, os, pathlib, sys, time
job = pathlib.Path(sys.argv[1])
def say(**what): print(json.dumps(what), flush=True)
request = json.loads((job / 'request.json').read_text())
recipe = (job / 'recipe.ks').read_text()
say(steps=[{'name': 'install packages', 'weight': 3}, {'name': 'write and compress', 'weight': 1}])
say(step='install packages')
if 'after 100 lines' in recipe:
    for number in range(100):
        print(f'line {number} of the log', file=sys.stderr, flush=True)
else:
    print('log of the worker', file=sys.stderr, flush=True)
if 'this one fails' in recipe:
    say(error='there is no package this-one-fails')
    sys.exit(1)
if 'this one dies' in recipe:
    os.kill(os.getpid(), 9)
if 'this one waits' in recipe:
    time.sleep(100)
for part in range(1, 11):
    say(fraction=part / 10)
say(step='write and compress')
out = job / 'out'
out.mkdir()
products = []
for name, kind, content in (('tiny-20261121-pvhvm.xva.zst', 'xva.zst', b'image' * 1000), ('tiny-20261121-pvhvm.ova.xml', 'ova.xml', b'<value/>'),
                            ('tiny-20261121-pvhvm.report.json', 'report.json', json.dumps(request).encode())):
    (out / name).write_bytes(content)
    products.append({'file_name': name, 'format': kind, 'size': len(content), 'sha256': hashlib.sha256(content).hexdigest(),
                     'md5': hashlib.md5(content).hexdigest(), 'image_size': 0, 'image_sha256': '', 'image_md5': ''})
    if kind == 'xva.zst':
        products[-1] |= {'image_size': 5, 'image_sha256': '0' * 64, 'image_md5': '0' * 32}
if 'no room for their list' in recipe:   # from now on, for whoever started us
    import resource
    resource.prlimit(os.getppid(), resource.RLIMIT_FSIZE, (512, resource.RLIM_INFINITY))
if 'as many files as there can be' in recipe:
    for image in ('raw', 'vhd', 'qcow2'):
        for packing in ('.gz', '.xz', '.zst'):
            name = f'tiny-20261121-pvhvm.{image}{packing}'
            (out / name).write_bytes(b'x')
            products.append(products[0] | {'file_name': name, 'format': image + packing, 'size': 1,
                                           'sha256': hashlib.sha256(b'x').hexdigest(), 'md5': hashlib.md5(b'x').hexdigest()})
(job / 'result.json').write_text(json.dumps({'release_name': 'tiny-20261121-pvhvm', 'title': 'Tiny',
                                             'details': {'request': request}, 'products': products}))
'''


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = service.programs()
        cls.addClassCleanup(service.remove, cls.bin)
        (cls.bin / 'xenkiln-worker').write_text(WORKER)
        cls.folder = service.folder_of_user('cli')
        cls.addClassCleanup(service.remove, cls.folder)

    def xenkiln(self, *arguments, **more):
        return service.run_as_user([self.bin / 'xenkiln', *arguments], **more)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def build(self, recipe, name, *options):
        out = self.folder / name
        environment = service.as_user()['env'] | {'XDG_DATA_HOME': str(self.folder / 'share')}
        return self.xenkiln('build', recipe, '--output', out, *options, env=environment), out

    # -- help and mistakes --------------------------------------------------------------------------
    def test_every_command_explains_itself(self):
        overview = self.xenkiln('--help')
        self.assertEqual(overview.returncode, 0)
        for command in ('serve', 'build', 'kickstart', 'verify', 'download'):
            self.assertRegex(overview.stdout, rf'(?m)^ +{command} ')
        for command, words in ((('serve',), ('--listen', '--port', '--data')),
                               (('build',), ('--output', '--option', '--ssh-key', 'memory', 'outputs')),
                               (('kickstart', '--help'), ('parse',)), (('kickstart', 'parse'), ('--json', '--ks-version')),
                               (('verify',), ('.xva',)),
                               (('convert',), ('--sha256', '--allow-host', '--public-only', 'URL')),
                               (('download',), ('--server', '--verify', '--key', '--format', '--to', '--jobs'))):
            told = self.xenkiln(*command, *([] if '--help' in command else ['--help']))
            self.assertEqual(told.returncode, 0, told.stderr)
            for word in words:
                self.assertIn(word, told.stdout, command)

    def test_version(self):
        told = self.xenkiln('--version')
        self.assertEqual(told.returncode, 0)
        self.assertRegex(told.stdout, r'^xenkiln \d+\.\d+\.\d+')

    def test_mistakes_on_the_command_line_exit_2_and_name_them(self):
        for arguments, word in ((('frobnicate',), 'frobnicate'), (('serve', '--colour'), '--colour'), (('serve', '--port', 'x'), 'port'),
                                (('build',), 'RECIPE'), (('build', TINY), '--output'), (('verify',), 'FILE'), ((), '')):
            told = self.xenkiln(*arguments)
            self.assertEqual(told.returncode, 2, (arguments, told))
            self.assertIn(word.lower(), (told.stderr + told.stdout).lower(), arguments)

    def test_it_starts_in_milliseconds(self):
        durations = []
        for _ in range(10):
            started = time.monotonic()
            self.xenkiln('--version')
            durations.append(time.monotonic() - started)
        self.assertLess(sorted(durations)[2], 0.5 if 'release' not in str(service.BUILT) else 0.03, durations)

    def test_each_program_loads_what_it_needs_and_no_more(self):
        def loaded_by(program):
            return subprocess.run(['ldd', service.BUILT / program], capture_output=True, text=True, check=True).stdout
        worker, service_program, small = (loaded_by(name) for name in ('xenkiln-worker', 'xenkiln-main', 'xenkiln'))
        self.assertIn('libguestfs', worker, 'what this test looks for would be seen')
        self.assertIn('libsqlite3', service_program)
        for told in (service_program, small):
            self.assertNotIn('guestfs', told)
            self.assertNotIn('libcurl', told)    # loaded by the commands that fetch something
        for library in ('libsqlite3', 'libcrypto', 'libboost', 'libxml2'):
            self.assertNotIn(library, small)     # it is run for each file of many
        self.assertNotIn('libsqlite3', worker)

    # -- kickstart parse ----------------------------------------------------------------------------
    def test_parse_prints_the_canonical_form(self):
        told = self.xenkiln('kickstart', 'parse', '--json', TINY)
        self.assertEqual(told.returncode, 0, told.stderr)
        parsed = json.loads(told.stdout)
        self.assertTrue(parsed['ok'])
        self.assertIn('rootpw', [command['name'] for command in parsed['commands']])

    def test_parse_of_a_wrong_file_exits_1_with_every_line(self):
        wrong = self.file('wrong.ks', 'lang C\nnosuchcommand\nbootloader --locatoin=mbr\n')
        told = self.xenkiln('kickstart', 'parse', '--json', wrong)
        self.assertEqual(told.returncode, 1)
        self.assertEqual([error['line'] for error in json.loads(told.stdout)['errors']], [2, 3])
        plain = self.xenkiln('kickstart', 'parse', wrong)
        self.assertEqual(plain.returncode, 1)
        for line in ('2', '3'):
            self.assertRegex(plain.stdout + plain.stderr, rf'wrong\.ks:{line}:')
        self.assertNotEqual(self.xenkiln('kickstart', 'parse', '--json', self.folder / 'none.ks').returncode, 0)
        unknown = self.xenkiln('kickstart', 'parse', '--json', '--ks-version', 'RHEL99', TINY)
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn('RHEL99', unknown.stderr)

    # -- kickstart plan -----------------------------------------------------------------------------
    def test_plan_ended_with_0_while_it_printed_build_refused(self):
        disk = 'part / --fstype=ext4 --size=1024 --grow\nrootpw --lock\n%packages\n%end\n'
        for name, options, code, says in (
                ('good', '#xenkiln: distribution=debian-12\n', 0, ''),
                ('rpm', '#xenkiln: distribution=almalinux-9\n', 1, 'not built yet'),
                ('whole', '#xenkiln: distribution=debian-12 layout=partitionless\n', 1, 'whole.ks:1: error: layout=partitionless: no firmware boots it')):
            with self.subTest(name):
                told = self.xenkiln('kickstart', 'plan', self.file(f'{name}.ks', options + disk))
                self.assertEqual(told.returncode, code, told)
                self.assertIn(says, told.stdout)
                self.assertEqual('refused' in told.stdout, name == 'rpm', told.stdout)
                as_json = self.xenkiln('kickstart', 'plan', '--json', self.folder / f'{name}.ks')
                self.assertEqual(as_json.returncode, code, as_json)
                answer = json.loads(as_json.stdout)
                self.assertEqual(answer['ok'], name != 'whole')
                self.assertEqual(bool(answer.get('build_refused')), name == 'rpm')

    def test_inspect_says_that_no_firmware_boots_one_file_system(self):
        disk = self.folder / 'whole.raw'
        with open(disk, 'wb') as whole:
            whole.truncate(4 << 20)
            whole.seek(1080)
            whole.write(b'\x53\xef')
        told = self.xenkiln('inspect', '--no-digest', disk)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn('boots by: no firmware', told.stdout)
        self.assertEqual(json.loads(self.xenkiln('inspect', '--json', '--no-digest', disk).stdout)['disks'][0]['boot_firmware'], 'none')

    # -- verify -------------------------------------------------------------------------------------
    def test_verify_refuses_what_is_no_xva(self):
        for name, content in (('empty.xva', b''), ('text.xva', b'hello\n' * 1000), ('zeros.xva', bytes(1 << 20)),
                              ('cut.xva.xz', b'\xfd7zXZ\0\0\4'), ('junk.xva.gz', b'\x1f\x8b' + bytes(100)),
                              ('junk.xva.zst', b'\x28\xb5\x2f\xfd' + b'\xff' * 100)):
            told = self.xenkiln('verify', self.file(name, content))
            self.assertEqual(told.returncode, 1, (name, told))
            self.assertIn(name, told.stderr + told.stdout)
        told = self.xenkiln('verify', self.folder / 'none.xva')
        self.assertNotEqual(told.returncode, 0)
        self.assertIn('none.xva', told.stderr)

    # -- serve --------------------------------------------------------------------------------------
    def test_serve_listens_on_loopback_only(self):
        for address in ('0.0.0.0', '::', '192.0.2.1', 'localhost.evil.example', '127.0.0.1.', '::ffff:192.0.2.1'):
            told = self.xenkiln('serve', '--listen', address, '--port', '0', '--data', self.folder / 'refused', timeout=20)
            self.assertNotEqual(told.returncode, 0, address)
            self.assertIn(address, told.stderr)
        self.assertIn('127.0.0.1', self.xenkiln('serve', '--listen', '0.0.0.0', '--port', '0', '--data', self.folder / 'refused').stderr)

    # -- what cannot be written ---------------------------------------------------------------------
    def printing(self):
        """Every command that prints, so that it does."""
        raw = self.file('disk.raw', os.urandom(1 << 20) + bytes(1 << 20))
        xva = self.folder / 'disk.xva'
        if not xva.exists():
            made = self.xenkiln('convert', raw, xva)
            self.assertEqual(made.returncode, 0, made.stderr)
        return [('--help',), ('--version',), ('build', '--help'), ('kickstart', 'parse', '--help'), ('map', raw), ('map', '--json', raw),
                ('inspect', raw), ('inspect', '--json', raw), ('check', raw), ('compare', raw, raw), ('verify', xva),
                ('kickstart', 'parse', TINY), ('kickstart', 'parse', '--json', TINY), ('kickstart', 'parse', '--text', TINY),
                ('kickstart', 'lint', '--format', 'sarif', TINY), ('kickstart', 'plan', TINY), ('kickstart', 'plan', '--json', TINY)]

    def assert_told(self, told, command, reason):
        self.assertEqual(told.returncode, 1, (command, told))
        lines = [line for line in told.stderr.split('\n') if 'standard output' in line]
        self.assertEqual(lines, [f'xenkiln: standard output: {reason}'], (command, told.stderr))

    def test_what_is_printed_into_a_full_disk_is_an_error(self):
        for command in self.printing():
            told = self.xenkiln(*command)
            self.assertEqual((told.returncode, bool(told.stdout)), (0, True), (command, told.stderr))
            with open('/dev/full', 'w') as full:
                told = self.xenkiln(*command, capture_output=False, stdout=full, stderr=subprocess.PIPE)
            self.assert_told(told, command, 'No space left on device')

    def closed(self, *command):
        return service.run_as_user(['sh', '-c', 'exec "$@" >&-', 'sh', self.bin / 'xenkiln', *command])

    def test_what_is_printed_nowhere_is_an_error_and_is_printed_into_no_file(self):
        for command in self.printing():
            self.assert_told(self.closed(*command), command, 'Bad file descriptor')
        raw, one, two = self.folder / 'disk.raw', self.folder / 'one.vhd', self.folder / 'two.vhd'
        self.assertEqual(self.xenkiln('convert', raw, one).returncode, 0)
        told = self.closed('convert', raw, two)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertNotIn('standard output', told.stderr, 'it has nothing to print there')
        self.assertEqual(self.xenkiln('compare', one, two).returncode, 0)

    def test_a_reader_that_has_read_enough_ends_us_quietly(self):
        for command in self.printing():
            reader, writer = os.pipe()
            os.close(reader)
            with os.fdopen(writer, 'wb') as pipe:
                told = self.xenkiln(*command, capture_output=False, stdout=pipe, stderr=subprocess.PIPE)
                self.assertEqual(told.returncode, -signal.SIGPIPE, (command, told.stderr))
                self.assertNotIn('pipe', told.stderr.lower())
                # Whoever ignores the signal wants to be told.
                told = self.xenkiln(*command, capture_output=False, stdout=pipe, stderr=subprocess.PIPE, restore_signals=False)
                self.assert_told(told, command, 'Broken pipe')

    def test_what_is_wrong_with_a_recipe_is_an_error_that_cannot_be_lost(self):
        wrong = self.file('wrong.ks', 'lang C\nnosuchcommand\n')
        with open('/dev/full', 'w') as full:
            told = self.xenkiln('kickstart', 'parse', wrong, capture_output=False, stdout=full, stderr=subprocess.PIPE)
        self.assert_told(told, 'parse', 'No space left on device')

    def test_a_service_that_cannot_say_where_it_listens_does_not_start(self):
        with open('/dev/full', 'w') as full:
            told = self.xenkiln('serve', '--port', '0', '--data', self.folder / 'silent', capture_output=False, stdout=full,
                                stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(told.returncode, 1, told)
        self.assertIn('xenkiln: standard output: No space left on device', told.stderr)

    def on_a_small_disk(self, size, *command):
        """What a command does to a disk of so many bytes, at DISK; what is left there is printed behind `left:`."""
        place = self.folder / 'small'
        place.mkdir(exist_ok=True)
        os.chown(place, service.USER.pw_uid, service.USER.pw_gid)
        script = (f'mount -t tmpfs -o size={size} none "$0" || exit 77; "$@"; status=$?; echo "left:$(ls -A "$0")"; exit $status')
        words = [str(word).replace('DISK', str(place)) for word in command]
        told = service.run_as_user(['unshare', '--map-root-user', '--mount', 'sh', '-c', script, place, *words])
        if told.returncode == 77:
            self.skipTest(told.stderr)
        return told

    def test_a_conversion_into_a_full_disk_is_an_error_and_leaves_nothing(self):
        raw = self.file('full.raw', os.urandom(1 << 20))
        for name in ('out.raw', 'out.vhd', 'out.qcow2', 'out.xva', 'out.xva.gz', 'out.vhd.xz'):
            told = self.on_a_small_disk('256k', self.bin / 'xenkiln', 'convert', raw, f'DISK/{name}')
            self.assertEqual((told.returncode, told.stdout), (1, 'left:\n'), (name, told.stderr))
            self.assertIn('No space left on device', told.stderr, name)
            self.assertIn(name, told.stderr)

    def test_a_conversion_to_a_full_standard_output_is_an_error(self):
        raw = self.file('full.raw', os.urandom(1 << 20))
        with open('/dev/full', 'w') as full:
            told = self.xenkiln('convert', raw, '-', '--to', 'vhd', capture_output=False, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(told.returncode, 1)
        self.assertIn('No space left on device', told.stderr)

    def test_build_leaves_no_short_list_when_the_disk_has_no_room_for_it(self):
        recipe = self.file('many.ks', TINY.read_text() + '\n# as many files as there can be, and no room for their list\n')
        out = self.folder / 'many'
        told = self.xenkiln('build', recipe, '--output', out, '--option', 'outputs=xva.zst')
        self.assertEqual(told.returncode, 1, told.stderr)
        self.assertIn('SHA256SUMS', told.stderr)
        self.assertIn('File too large', told.stderr)
        self.assertEqual([path.name for path in out.iterdir() if 'SUMS' in path.name], [])
        recipe = self.file('many.ks', TINY.read_text() + '\n# as many files as there can be\n')
        told = self.xenkiln('build', recipe, '--output', out, '--option', 'outputs=xva.zst')
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual((out / 'SHA256SUMS').read_text().count('\n'), 12)

    # -- build --------------------------------------------------------------------------------------
    def test_build_leaves_a_release_in_the_folder(self):
        told, out = self.build(TINY, 'built', '--option', 'memory=1GiB', '--option', 'outputs=xva.zst')
        self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
        names = sorted(path.name for path in out.iterdir())
        for ending in ('.xva.zst', 'ova.xml', 'SHA256SUMS', 'MD5SUMS', 'report.json'):
            self.assertTrue([name for name in names if name.endswith(ending)], (ending, names))
        self.assertTrue([name for name in names if 'log' in name], names)
        for tool, name in (('sha256sum', 'SHA256SUMS'), ('md5sum', 'MD5SUMS')):
            subprocess.run([tool, '--strict', '--quiet', '-c', name], cwd=out, check=True)
        self.assertIn(hashlib.sha256(b'image' * 1000).hexdigest(), (out / 'SHA256SUMS').read_text())
        request = json.loads((out / 'tiny-20261121-pvhvm.report.json').read_text())
        self.assertIn('1GiB', json.dumps(request))
        steps = re.findall(r'install packages|write and compress', told.stdout + told.stderr)
        self.assertEqual(sorted(set(steps)), ['install packages', 'write and compress'])
        self.assertNotIn('\r', told.stdout + told.stderr, 'not a terminal: whole lines only')

    def test_build_of_a_wrong_recipe_exits_1_with_every_line_and_runs_nothing(self):
        wrong = self.file('bad.ks', TINY.read_text() + '\nnosuchcommand\nbootloader --locatoin=mbr\n')
        told, out = self.build(wrong, 'bad')
        self.assertEqual(told.returncode, 1)
        count = TINY.read_text().count('\n')
        for line in (count + 2, count + 3):
            self.assertRegex(told.stderr, rf'bad\.ks:{line}:')
        self.assertFalse(out.exists() and any(out.iterdir()))

    def test_build_with_a_wrong_option_is_refused_and_names_it(self):
        for option, word in (('memory=lots', 'lots'), ('colour=red', 'colour'), ('memory', 'memory')):
            told, _ = self.build(TINY, 'option', '--option', option)
            self.assertEqual(told.returncode, 2, (option, told))
            self.assertIn(word, told.stderr)

    def test_build_that_fails_says_why_and_leaves_no_image(self):
        for text, reason in (('this one fails', 'no package this-one-fails'), ('this one dies', 'killed')):
            recipe = self.file('failing.ks', TINY.read_text() + f'\n# {text}\n')
            told, out = self.build(recipe, text.replace(' ', '-'))
            self.assertEqual(told.returncode, 1, told)
            self.assertIn(reason, told.stderr)
            self.assertIn('The step was: install packages', told.stderr)
            self.assertIn('  log of the worker\n', told.stderr)
            self.assertFalse([path for path in out.rglob('*') if '.xva' in path.name] if out.exists() else [])

    def test_build_that_fails_shows_forty_lines_and_keeps_what_it_has_when_asked(self):
        work = service.folder_of_user('keep')
        self.addCleanup(service.remove, work)
        recipe = self.file('failing.ks', TINY.read_text() + '\n# this one fails after 100 lines\n')
        told, out = self.build(recipe, 'kept', '--work', work, '--keep-on-failure')
        self.assertEqual(told.returncode, 1, told)
        self.assertEqual(re.findall(r'  line (\d+) of the log', told.stderr), [str(n) for n in range(60, 100)])
        kept, = work.iterdir()
        self.assertIn(str(kept / 'work'), told.stderr)
        self.assertTrue((kept / 'recipe.ks').exists())
        told, out = self.build(recipe, 'not-kept', '--work', work)
        self.assertEqual([path for path in work.iterdir() if path != kept], [])

    def test_build_to_something_that_is_no_device_or_too_many_is_refused_before_it_begins(self):
        for devices, reason in (((self.file('plain', 'x'),), 'is not a block device'), (('/dev/null', '/dev/null'), '1 disks, --device names 2')):
            told, out = self.build(TINY, 'device', *(word for device in devices for word in ('--device', device)))
            self.assertEqual(told.returncode, 1, told)
            self.assertIn(reason, told.stderr)
            self.assertFalse(out.exists())

    def test_build_takes_a_key_from_a_file_or_as_text(self):
        key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleUtleUtleUtleUtleUtleUtleUtleUtleUtleUtl a@b'
        told, out = self.build(TINY, 'keys', '--ssh-key', self.file('id.pub', key + '\n'), '--ssh-key', 'root:' + key)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual((out / 'tiny-20261121-pvhvm.report.json').read_text().count('AAAAC3NzaC1lZDI1NTE5'), 2)

    def test_an_interrupted_build_ends_soon_and_leaves_no_process(self):
        recipe = self.file('waits.ks', TINY.read_text() + '\n# this one waits\n')
        process = subprocess.Popen([self.bin / 'xenkiln', 'build', recipe, '--output', self.folder / 'waits'],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **service.as_user())
        time.sleep(2)
        process.send_signal(2)
        started = time.monotonic()
        process.communicate(timeout=20)
        self.assertNotEqual(process.returncode, 0)
        self.assertLess(time.monotonic() - started, 10)
        left = []
        for entry in pathlib.Path('/proc').iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / 'cmdline').read_bytes().decode(errors='replace')
                except OSError:
                    continue
                if str(self.bin) in command and 'xenkiln-worker' in command:
                    left.append(command)
        self.assertEqual(left, [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
