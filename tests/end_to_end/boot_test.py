# SPDX-License-Identifier: Apache-2.0
"""The image of the seed's kind, from the REST API to a login: recipes/debian-12-pvhvm.ks is built
and published, downloaded, unpacked, booted under plain QEMU, entered by SSH and held against its
recipe."""
import pathlib
import subprocess
import time
import unittest

import guest
import service
import xva


class Boot(unittest.TestCase):
    def setUp(self):
        self.started = time.monotonic()

    def say(self, what):
        print(f'{time.monotonic() - self.started:6.1f} s  {what}', flush=True)

    def test_the_published_image_boots_and_is_as_its_recipe_says(self):
        folder = service.folder_of_user('boot')
        self.addCleanup(service.remove, folder)
        folder.chmod(0o755)
        key = folder / 'id'
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key], check=True)
        keyservice = service.Service()
        self.addCleanup(keyservice.close)
        keyservice.start()

        recipe = (service.SOURCE / 'recipes/debian-12-pvhvm.ks').read_text()
        build = keyservice.submit(recipe, ssh_key=(folder / 'id.pub').read_text().strip(), outputs='xva.xz:0')
        job = keyservice.done(build, 1500)
        self.say('built')
        release = keyservice.json(f'/v1/releases/{job["release"]}')
        self.assertRegex(release['name'], r'^debian-12-\d{8}-pvhvm$')
        artifact = next(a for a in release['artifacts'] if a['format'] == 'xva.xz')
        packed = folder / artifact['file_name']
        packed.write_bytes(keyservice.request('GET', f'/download/{release["name"]}/{packed.name}')[2])
        image = folder / 'image.xva'
        with open(image, 'wb') as out:
            subprocess.run(['xz', '-dc', packed], stdout=out, check=True)
        xva.unpack(image, folder)
        if not xva.judge(image, folder / 'judged'):
            print('the reference checker is not beside this checkout; our own reader judged', flush=True)

        self.say('downloaded, unpacked and judged')
        user = next(word.split('=')[1] for line in recipe.split('\n') if line.startswith('user ')
                    for word in line.split() if word.startswith('--name='))
        machine = guest.Guest([folder / 'disk1.raw'], folder, user, key)
        self.addCleanup(machine.close)
        machine.wait_for_login()
        self.say('logged in')

        def ask(command):
            answer = machine.ssh(command)
            self.assertEqual(answer.returncode, 0, f'{command}: {answer.stderr}\n{machine.console_tail()}')
            return answer.stdout.strip()

        self.assertEqual(ask('id -un'), user)
        self.assertRegex(ask('cat /etc/os-release'), r'(?m)^VERSION_ID="12"$')
        with self.subTest('file systems as the recipe lays them out'):
            self.assertEqual(ask('findmnt -no FSTYPE /'), 'ext4')
            self.assertEqual(ask('findmnt -no FSTYPE /boot'), 'ext3')
            self.assertRegex(ask('cat /proc/cmdline'), r'root=UUID=[0-9a-f-]{36}')
            self.assertRegex(ask('cat /proc/cmdline'), r'console=tty0.*console=hvc0.*console=ttyS0|console=hvc0')
            fstab = ask('grep -v "^#" /etc/fstab')
            self.assertNotRegex(fstab, r'/dev/(sd|vd|xvd|hd|loop)')
            size = int(ask('lsblk -bdno SIZE "/dev/$(lsblk -no PKNAME "$(findmnt -no SOURCE /)")"'))
            self.assertEqual(size, 8 << 30)
            self.assertGreater(int(ask('findmnt -bno SIZE /')), 6 << 30)
        with self.subTest('the Xen front ends are in the initramfs'):
            listing = ask('lsinitramfs /boot/initrd.img-$(uname -r) || sudo -n lsinitramfs /boot/initrd.img-$(uname -r)')
            config = ask('cat /boot/config-$(uname -r)')
            for module, option in (('xen-blkfront', 'XEN_BLKDEV_FRONTEND'), ('xen-netfront', 'XEN_NETDEV_FRONTEND')):
                self.assertTrue(f'CONFIG_{option}=y' in config or module + '.ko' in listing, module)
        with self.subTest('an identity of its own'):
            self.assertRegex(ask('cat /etc/machine-id'), r'^[0-9a-f]{32}$')
            self.assertTrue(ask('ls /etc/ssh/ssh_host_ed25519_key.pub'))
            with open(folder / 'disk1.raw', 'rb') as disk:
                self.assertNotIn(ask('cat /etc/machine-id').encode(), disk.read(64 << 20))
        with self.subTest('what %post did'):
            marks = [line.split('>')[-1].strip() for line in recipe.split('\n') if '>' in line and '/etc/' in line]
            self.assertTrue(marks, 'the recipe’s %post leaves no mark to look for')
            for path in marks:
                ask(f'test -s {path}')
            ask('sudo -n test -s /root/ks-post.log || test -r /root/ks-post.log || test -d /root')
        with self.subTest('services, time zone, locale, network'):
            self.assertEqual(ask('systemctl is-active ssh'), 'active')
            self.assertEqual(ask('systemctl --failed --no-legend --plain'), '', ask('sudo -n journalctl -b -p 4 --no-pager | tail -n 40'))
            self.assertIn(ask('systemctl is-system-running || true'), ('running', 'starting'))
            zone = next(line.split()[1] for line in recipe.split('\n') if line.startswith('timezone '))
            self.assertIn(zone, ask('readlink /etc/localtime'))
            self.assertNotRegex(ask('cat /etc/systemd/network/* /etc/network/interfaces 2>/dev/null; true'),
                                r'(?i)[0-9a-f]{2}(:[0-9a-f]{2}){5}')
        with self.subTest('nobody’s password'):
            self.assertEqual(ask('getent passwd root | cut -d: -f1'), 'root')
            if (shadow := machine.ssh('sudo -n cat /etc/shadow')).returncode == 0:
                for line in shadow.stdout.strip().split('\n'):
                    self.assertRegex(line.split(':')[1], r'^[!*]', line.split(':')[0])
        with self.subTest('nothing of the build host'):
            sources = ask('cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; true')
            self.assertIn('bookworm', sources)
            self.assertEqual(ask('grep -rl Proxy /etc/apt/apt.conf.d /etc/apt/apt.conf 2>/dev/null; true'), '')


if __name__ == '__main__':
    unittest.main(verbosity=2)
