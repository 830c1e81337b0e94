# SPDX-License-Identifier: Apache-2.0
"""Ubuntu's releases on a small local repository of Ubuntu's shape: suites jammy and noble with -updates and -security,
components main and universe, signed with a key of the test's own. Its packages are Debian's, as Ubuntu's mirrors need
not be reachable. What is proven is what is particular to Ubuntu: sources, keys, components, kernel names, netplan.
Label `build`."""
import pathlib
import subprocess
import unittest

import repository
import service

RECIPE = '''#xenkiln: distribution={distribution} outputs=xva.zst:1 disk=3GiB memory=512MiB
lang C.UTF-8
network --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.53 --hostname=ubuntu
rootpw --lock
part / --fstype=ext4 --size=2000 --grow
bootloader --location=none
url --url={url}
%packages --excludedocs
linux-image-virtual
%end
'''


class Ubuntu(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.repository = repository.Repository()
        cls.addClassCleanup(cls.repository.close)
        pool = cls.repository.root / 'repo/pool'
        wanted = ['systemd-sysv', 'udev', 'dbus', 'initramfs-tools', 'e2fsprogs', 'kmod', 'iproute2', 'netplan.io', 'passwd', 'procps',
                  'netbase', 'ca-certificates', 'systemd-resolved', 'apt', '?essential', '?priority(required)']
        listed = subprocess.run(
            ['apt-get', '--simulate', '-o', 'Dir::State::status=/dev/null', '-o', 'APT::Install-Recommends=false', 'install', *wanted],
            capture_output=True, text=True, check=True).stdout
        names = [line.split()[1] for line in listed.split('\n') if line.startswith('Inst ')]
        subprocess.run(['apt-get', 'download', *names], cwd=pool, check=True, capture_output=True)
        cls.repository.package('linux-image-virtual', depends='initramfs-tools', files={'/usr/share/doc/linux-image-virtual/x': 'x'})
        for suite in ('jammy', 'noble'):
            for companion in ('', '-updates', '-security'):
                cls.repository.publish(suite + companion, ('main', 'universe'))

    def build(self, distribution, *arguments):
        folder = service.folder_of_user('ubuntu')
        self.addCleanup(service.remove, folder)
        folder.chmod(0o755)
        (folder / 'recipe.ks').write_text(RECIPE.format(distribution=distribution, url=self.repository.url))
        programs = service.programs()
        self.addCleanup(service.remove, programs)
        told = service.run_as_user([programs / 'xenkiln', 'build', folder / 'recipe.ks', '--output', folder / 'out', '--keep-disk',
                                    '--allow-host', self.repository.host, *arguments])
        log = folder / 'out/build.log'
        return told, folder, log.read_text() if log.exists() else ''

    def test_both_releases(self):
        for distribution, suite in (('ubuntu-22.04', 'jammy'), ('ubuntu-24.04', 'noble')):
            with self.subTest(distribution):
                told, folder, log = self.build(distribution, '--keyring', f'{distribution}={self.repository.own_keys}')
                self.assertEqual(told.returncode, 0, told.stderr[-2000:] + log[-3000:])
                disk, root = folder / 'out/disk1.raw', folder / 'root.ext4'
                with open(disk, 'rb') as whole, open(root, 'wb') as part:
                    whole.seek(1 << 20)
                    while block := whole.read(1 << 20):
                        part.seek(len(block), 1) if not block.strip(b'\0') else part.write(block)
                    part.truncate()

                def read(path):
                    return subprocess.run(['debugfs', '-R', f'cat {path}', root], capture_output=True, text=True).stdout

                sources = read('/etc/apt/sources.list')
                self.assertIn(f'deb http://archive.ubuntu.com/ubuntu {suite} main universe', sources)
                self.assertIn(f'deb http://archive.ubuntu.com/ubuntu {suite}-updates main universe', sources)
                self.assertIn(f'deb http://security.ubuntu.com/ubuntu {suite}-security main universe', sources)
                self.assertNotIn('127.0.0.1', sources)
                netplan = read('/etc/netplan/10-recipe.yaml')
                self.assertIn('- "192.0.2.10/24"', netplan)
                self.assertIn('via: "192.0.2.1"', netplan)
                self.assertEqual(read('/etc/hostname').strip(), 'ubuntu')
                self.assertIn('Package: linux-image-virtual', read('/var/lib/dpkg/status'))
                checked = pathlib.Path(folder / 'netplan')
                (checked / 'etc/netplan').mkdir(parents=True)
                (checked / 'etc/netplan/10-recipe.yaml').write_text(netplan)
                (checked / 'etc/netplan/10-recipe.yaml').chmod(0o600)
                if pathlib.Path('/usr/sbin/netplan').exists():
                    subprocess.run(['netplan', 'generate', '--root-dir', checked], check=True)

    def test_without_keys_it_is_refused_and_says_who_has_them(self):
        told, _, _ = self.build('ubuntu-24.04')
        self.assertEqual(told.returncode, 1)
        self.assertIn('keys', told.stderr)
        self.assertIn('--keyring ubuntu-24.04=FILE', told.stderr)

    def test_a_repository_signed_by_another_key_is_refused(self):
        told, _, log = self.build('ubuntu-22.04', '--keyring', f'ubuntu-22.04={repository.DEBIAN_KEYS}')
        self.assertEqual(told.returncode, 1)
        self.assertRegex(told.stderr + log, 'NO_PUBKEY|not signed|public key')


if __name__ == '__main__':
    unittest.main(verbosity=2)
