# SPDX-License-Identifier: Apache-2.0
"""Boots a disk under plain QEMU (TCG, nothing written to the disk) and talks to it over SSH."""
import pathlib
import socket
import subprocess
import time

from service import as_user


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Guest:
    def __init__(self, disks, folder, user, key, memory=1024, arguments=(), address=''):
        self.folder, self.user, self.key = pathlib.Path(folder), user, key
        self.port = free_port()
        self.console = self.folder / 'console.log'
        drives = [x for disk in disks for x in
                  ('-drive', f'file={disk},format=raw,if=virtio,snapshot=on,cache=unsafe')]
        self.process = subprocess.Popen(
            ['qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-smp', '2',
             '-m', str(memory), '-nodefaults', '-display', 'none', '-vga', 'std', *drives,
             '-netdev', f'user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-{address}:22',
             '-device', 'virtio-net-pci,netdev=n0', '-device', 'virtio-rng-pci',
             '-serial', f'file:{self.console}', '-no-reboot', *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **as_user())

    def ssh(self, command, timeout=120):
        return subprocess.run(
            ['ssh', '-i', self.key, '-p', str(self.port), '-o', 'StrictHostKeyChecking=no',
             '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10',
             '-o', 'IdentitiesOnly=yes', '-o', 'LogLevel=ERROR', '-F', '/dev/null',
             f'{self.user}@127.0.0.1', command],
            capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)

    def wait_for_login(self, seconds=480):
        until = time.monotonic() + seconds
        answer = None
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError('qemu ended: ' + self.process.stderr.read().decode())
            try:
                answer = self.ssh('true', 40)
                if answer.returncode == 0:
                    return
            except subprocess.TimeoutExpired:
                pass
            time.sleep(2)
        raise AssertionError(f'no SSH login after {seconds} s: {answer and answer.stderr}\n'
                             f'{self.console_tail()}')

    def console_tail(self, lines=60):
        try:
            return '\n'.join(self.console.read_text(errors='replace').split('\n')[-lines:])
        except OSError:
            return '(no console output)'

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
