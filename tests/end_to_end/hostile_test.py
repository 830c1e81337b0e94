# SPDX-License-Identifier: Apache-2.0
"""Hostile recipes and a hostile package, through the real service. Each attack fails or is contained, the host's files
and processes are as before, and the next build is fine. Label `hostile`."""
import hashlib
import os
import pathlib
import re
import subprocess
import time
import unittest

import repository
import service

TINY = (service.SOURCE / 'tests/data/recipes/tiny.ks').read_text()
OUTPUTS = 'xva.zst:1'

# What a scriptlet, root of its namespace with all capabilities there, tries after leaving its chroot.
ATTACK = r'''
use Socket;
sub say { print STDERR "ATTACK $_[0]: $_[1]\n" }
mkdir "/escape"; chroot "/escape"; chdir ".." for 1..50; chroot ".";       # the classic way out of a chroot
sub read_file { open(my $f, "<", $_[0]) or return "no: $!"; local $/; my $t = <$f>; return defined $t ? $t : "" }
say("shadow", read_file("/etc/shadow") =~ /root:[^:]/ && -d "/tree" ? "READ" : "not read");
say("key", read_file("SIGNING_KEY") =~ /PRIVATE KEY/ ? "READ" : "not read");
say("data", opendir(my $d, "DATA_FOLDER") ? "SEEN" : "not seen");
say("home", opendir(my $h, "/home") ? "SEEN" : "not seen");
for my $path ("/usr/bin/xenkiln-was-here", "/etc/xenkiln-was-here", "DATA_FOLDER/was-here", "/../../../../var/tmp/xenkiln-was-here") {
    say("write $path", open(my $f, ">", $path) ? "WRITTEN" : "not written");
}
for my $where (["127.0.0.1", SERVICE_PORT], ["127.0.0.1", 22], ["169.254.169.254", 80], ["HOST_ADDRESS", SERVICE_PORT]) {
    socket(my $s, PF_INET, SOCK_STREAM, 0); local $SIG{ALRM} = sub { die };
    my $ok = eval { alarm 3; connect($s, sockaddr_in($where->[1], inet_aton($where->[0]))) or die; 1 }; alarm 0;
    say("connect $where->[0]:$where->[1]", $ok ? "CONNECTED" : "not connected");
}
my $seen = 0; opendir(my $p, "/proc"); for (readdir $p) { $seen++ if /^\d+$/ && read_file("/proc/$_/cmdline") =~ /xenkiln.serv[e]|xenkiln-worke[r]|sleep.10000[0]/s }
say("processes", $seen ? "SEEN" : "not seen");
say("kill", kill(9, OUTSIDE_PID) ? "KILLED" : "not killed");
say("sysctl", open(my $k, ">", "/proc/sys/kernel/hostname") && syswrite($k, "owned") && `hostname` =~ /owned/ && read_file("/proc/1/cmdline") =~ /init/ ? "SET" : "not set");
say("device", do { require "syscall.ph" if 0; system("mknod /tmp/sda b 8 0 2>/dev/null") == 0 && open(my $b, "<", "/tmp/sda") } ? "OPENED" : "not opened");
use POSIX ();                                                                            # a daemon stays behind
if (!fork) { setpgrp; POSIX::close($_) for 0..63; exec "sh", "-c", "trap '' HUP TERM; while :; do sleep 1; done" }
'''

# Inside %post: no capability outside, and the filter.
POST = r'''%post --log=/root/attack.log
perl -e '
sub try { my ($name, $number, @rest) = @_; my $r = syscall($number, @rest); print "ATTACK $name: ", ($r == -1 ? "refused ($!)" : "ALLOWED"), "\n" }
my $n = "none"; my $t = "tmpfs"; my $m = "/mnt";
try("mount", 165, $n, $m, $t, 0, 0); try("unshare", 272, 0x10000000); try("ptrace", 101, 16, 1, 0, 0);
try("add_key", 248, $n, $n, $n, 4, -1); try("keyctl", 250, 0, 0); try("bpf", 321, 0, 0, 0); try("kexec", 246, 0, 0, 0, 0);
try("pivot_root", 155, $m, $m); try("setns", 308, 0, 0); try("init_module", 175, 0, 0, 0); try("reboot", 169, 0xfee1dead, 672274793, 0x4321fedc, 0);
try("userfaultfd", 323, 0); try("perf", 298, 0, 0, 0, 0, 0); try("clone", 56, 0x10000000, 0, 0, 0, 0);
'
cp /bin/sh /root/setuid-shell && chmod 4755 /root/setuid-shell
ln -sf ../../../../../../../../etc/passwd /etc/hostname-link
ls /home /root > /dev/null
%end
'''


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.repository = repository.Repository()
        cls.addClassCleanup(cls.repository.close)
        cls.repository.publish('bookworm')
        cls.service = service.Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.start('--allow-host', cls.repository.host, '--keyring', f'debian-12={cls.repository.keys}',
                          '--build-seconds', '240', '--build-processes', '400')
        cls.bystander = subprocess.Popen(['sleep', '100000'], **service.as_user())
        cls.addClassCleanup(cls.bystander.wait)
        cls.addClassCleanup(cls.bystander.kill)

    def setUp(self):
        self.before = self.fingerprint()

    def fingerprint(self):
        files = ['/etc/passwd', '/etc/shadow', '/etc/hostname', '/etc/hosts', str(self.service.data / 'signing-key.pem')]
        prints = {name: hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest() for name in files if os.access(name, os.R_OK)}
        prints['kernel name'] = os.uname().nodename
        for folder in ('/usr/bin', '/etc', '/var/tmp', '/tmp'):
            prints[folder] = [n for n in sorted(os.listdir(folder)) if 'was-here' in n]
        return prints

    def tearDown(self):
        self.assertIsNone(self.bystander.poll(), 'a process outside was ended')
        self.assertEqual(self.fingerprint(), self.before)
        self.assertEqual(self.service.leftovers(), [])

    def fill_in(self, text):
        address = subprocess.run(['hostname', '-I'], capture_output=True, text=True).stdout.split()
        for name, value in (('SIGNING_KEY', self.service.data / 'signing-key.pem'), ('DATA_FOLDER', self.service.data),
                            ('SERVICE_PORT', self.service.port), ('OUTSIDE_PID', self.bystander.pid),
                            ('HOST_ADDRESS', address[0] if address else '127.0.0.2')):
            text = text.replace(name, str(value))
        return text

    def recipe(self, packages='', more='', disk='512MiB'):
        text = TINY.replace('disk=512MiB', f'disk={disk}').replace('%packages --nocore --excludedocs\n', f'%packages --nocore --excludedocs\n{packages}\n')
        return text.replace('part /', f'repo --name=local --baseurl={self.repository.url}\npart /', 1) + more

    def next_build_is_fine(self):
        self.service.done(self.service.submit(TINY, outputs=OUTPUTS, name='afterwards'))

    def test_a_scriptlet_and_a_script_with_every_attack(self):
        script = "#!/bin/sh\nperl -e '" + self.fill_in(ATTACK).replace("'", "'\\''") + "'\nexit 0\n"
        self.repository.package('hostile', {'postinst': script, 'preinst': '#!/bin/sh\ntrue\n'},
                                {'/usr/share/hostile/file': 'x'})
        self.repository.publish('bookworm')
        build = self.service.submit(self.recipe('hostile', POST), outputs=OUTPUTS, name='hostile')
        job = self.service.wait(build)
        log = self.service.request('GET', f'/v1/builds/{build}/log')[2].decode(errors='replace')
        self.assertEqual(job['state'], 'done', (job, log[-3000:]))
        attacks = re.findall(r'ATTACK (.*?): (.*)', log)
        self.assertGreater(len(attacks), 20, log[-3000:])
        for name, outcome in attacks:
            with self.subTest(name):
                self.assertRegex(outcome, r'^(not |refused \(Operation not permitted\)$)')
        self.next_build_is_fine()

    def failed(self, recipe, reason, seconds=400):
        build = self.service.submit(recipe, outputs=OUTPUTS, name='attack')
        job = self.service.wait(build, seconds)
        self.assertEqual(job['state'], 'failed')
        self.assertRegex(job['error'], reason)

    def test_a_fork_bomb(self):
        self.failed(self.recipe(more='%post --interpreter=/usr/bin/perl\nwhile (1) { fork }\n%end\n'), 'processes and threads, the limit is 400')
        self.next_build_is_fine()

    def test_a_full_disk(self):
        self.failed(self.recipe(more='%post --erroronfail\nfor i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of=/fill$i bs=1M count=200; done; sleep 100\n%end\n'),
                    'the installed system takes|No space left')
        self.next_build_is_fine()

    def test_memory(self):
        self.failed(self.recipe(more='%post --erroronfail --interpreter=/usr/bin/perl\nmy @a; push @a, "x" x (1 << 20) while 1;\n%end\n'),
                    'failed with exit code|of memory')

    def test_sleeping_for_ever(self):
        started = time.monotonic()
        self.failed(self.recipe(more="%post\ntrap '' TERM INT HUP\nwhile :; do sleep 1000; done\n%end\n"), 'seconds, the limit is 240', 900)
        self.assertLess(time.monotonic() - started, 600)

    def test_symlinks_planted_before_files_are_written(self):
        """A package replaces what the build writes afterwards by links that climb."""
        script = ('#!/bin/sh\nrm -f /etc/hostname /etc/hosts /etc/fstab; '
                  'for f in hostname hosts fstab machine-id; do ln -sf ../../../../../../../../../etc/$f.was-here /etc/$f; done; '
                  'rm -rf /root; ln -s ../../../../../../../tmp /root; exit 0\n')
        self.repository.package('linker', {'postinst': script})
        self.repository.publish('bookworm')
        build = self.service.submit(self.recipe('linker'), outputs=OUTPUTS, name='links')
        self.assertIn(self.service.wait(build)['state'], ('done', 'failed'))
        self.next_build_is_fine()

    def test_a_repository_that_points_inward_is_refused(self):
        inner = f'http://127.0.0.1:{self.service.port}/debian'
        build = self.service.submit(TINY.replace('part /', f'repo --name=inner --baseurl={inner}\npart /', 1), outputs=OUTPUTS, name='inward')
        job = self.service.wait(build)
        self.assertEqual(job['state'], 'failed')
        self.assertRegex(self.service.build_log(build, 400), 'has the address 127.0.0.1, which is not a public one')


if __name__ == '__main__':
    unittest.main(verbosity=2)
