# SPDX-License-Identifier: Apache-2.0
"""Boots a disk under plain QEMU (TCG, nothing written to the disk) and talks to it over SSH.

On a busy host the emulated timer can come so late that Linux, which waits a few milliseconds for it, gives up with
the panic named below before it has looked at the disk. That says nothing of the image, so the machine is switched on
again, a few times at most. Every other panic ends the wait at once."""
import pathlib
import re
import socket
import subprocess
import time

from service import as_user

LATE_TIMER = "IO-APIC + timer doesn't work"
STARTS = 5


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Guest:
    def __init__(self, disks, folder, user, key, memory=1024, arguments=(), address='',
                 bus='virtio', card='virtio-net-pci'):
        self.folder, self.user, self.key = pathlib.Path(folder), user, key
        self.port = free_port()
        self.console = self.folder / 'console.log'
        drives = [x for disk in disks for x in
                  ('-drive', f'file={disk},format=raw,if={bus},snapshot=on,cache=unsafe')]
        self.command = [
            'qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-smp', '2',
            '-m', str(memory), '-nodefaults', '-display', 'none', '-vga', 'std', *drives,
            '-netdev', f'user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-{address}:22',
            '-device', f'{card},netdev=n0', '-device', 'virtio-rng-pci',
            '-serial', f'file:{self.console}', '-no-reboot', *arguments]
        self.starts = 0
        self.connection = None
        self.start()

    def start(self):
        self.starts += 1
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **as_user())

    def ssh_words(self, *more):
        return ['ssh', '-i', self.key, '-p', str(self.port), '-o', 'StrictHostKeyChecking=no',
                '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10',
                '-o', 'IdentitiesOnly=yes', '-o', 'LogLevel=ERROR', '-F', '/dev/null',
                '-S', self.folder / 'connection', *more, f'{self.user}@127.0.0.1']

    def ssh(self, command, timeout=120):
        return subprocess.run([*self.ssh_words(), command], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)

    def keep_connected(self):
        """One connection for every ssh() from now on: an emulated machine takes seconds to agree on keys."""
        nothing = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
        self.connection = subprocess.Popen(self.ssh_words('-M', '-N'), **nothing)
        for _ in range(120):
            if subprocess.run(self.ssh_words('-O', 'check'), **nothing).returncode == 0:
                return
            time.sleep(0.5)
        raise AssertionError('the connection to be shared was not made within a minute')

    def wait_for_login(self, seconds=480):
        until = time.monotonic() + seconds
        answer = None
        while time.monotonic() < until:
            if panic := self.panic():
                if LATE_TIMER not in panic or self.starts == STARTS:
                    raise AssertionError(f'start {self.starts}: {panic}\n{self.console_tail()}')
                print(f'start {self.starts}: {panic}; switched on again', flush=True)
                self.close()
                self.console.unlink()
                self.start()
                until = time.monotonic() + seconds
            if self.process.poll() is not None:
                raise AssertionError(f'qemu ended: {self.process.stderr.read().decode()}\n{self.console_tail()}')
            try:
                answer = self.ssh('true', 40)
                if answer.returncode == 0:
                    return self.keep_connected()
            except subprocess.TimeoutExpired:
                pass
            time.sleep(2)
        raise AssertionError(f'no SSH login after {seconds} s: {answer and answer.stderr}\n'
                             f'{self.console_tail()}')

    def panic(self):
        """The line with which the kernel gave up, or nothing."""
        found = re.search('Kernel panic - .*', self.console_tail(400))
        return found and found[0].rstrip()

    def console_tail(self, lines=60):
        try:
            return '\n'.join(self.console.read_text(errors='replace').split('\n')[-lines:])
        except OSError:
            return '(no console output)'

    def close(self):
        if self.process.stderr.closed:
            return
        if self.connection:
            self.connection.kill()
            self.connection.wait()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
