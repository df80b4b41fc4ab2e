"""Machines that share a kernel and nothing else of a network: a namespace for the servers, and one for each machine, joined
by a bridge, so that any link can be cut."""

import ctypes
import os
import shutil
import subprocess

from pipeline import Skipped

CLONE_NEWNET = 0x40000000


class Network:
    """`with Network(3) as network:` — the thread, and what it starts, is among the servers (`network.address`); words
    before a command line put it on a machine. What still runs in them is not ended."""

    def __init__(self, machines):
        # Fifteen characters are the most that the name of an interface may have.
        self.name, self.count = f"cv{os.getpid() % 1000000}", machines
        self.address, self.hub = "10.213.57.1", f"{self.name}-hub"
        self.machines = [f"{self.name}-m{number}" for number in range(machines)]

    def __enter__(self):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise Skipped("network namespaces take root and ip(8)")
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self._make()
            self._enter(f"/run/netns/{self.hub}")
        except (OSError, subprocess.CalledProcessError) as error:
            self._remove()
            raise Skipped(f"network namespaces are not permitted here ({_reason(error)})") from error
        return self

    def __exit__(self, *_):
        _setns(self.outside)
        self._remove()

    def on(self, number):
        """Words that put a command on a machine."""
        return ["ip", "netns", "exec", self.machines[number]]

    def address_of(self, number):
        """A machine's address."""
        return f"10.213.57.{10 + number}"

    def cut(self, number):
        """Takes a machine off the net: nothing arrives, and nothing says so."""
        _ip("-n", self.hub, "link", "set", f"m{number}", "down")

    def mend(self, number):
        _ip("-n", self.hub, "link", "set", f"m{number}", "up")

    def _make(self):
        for name in (self.hub, *self.machines):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.hub, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self.hub, "addr", "add", f"{self.address}/24", "dev", "bridge")
        _ip("-n", self.hub, "link", "set", "bridge", "up")
        for number, name in enumerate(self.machines):
            _ip("-n", self.hub, "link", "add", f"m{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", self.hub, "link", "set", f"m{number}", "master", "bridge", "up")
            _ip("-n", name, "addr", "add", f"{self.address_of(number)}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")

    def _enter(self, path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            _setns(descriptor)
        finally:
            os.close(descriptor)

    def _remove(self):
        os.close(self.outside)
        for name in (self.hub, *self.machines):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _setns(descriptor):
    """setns(2) for the calling thread, which what it starts inherits."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _reason(error):
    return getattr(error, "stderr", None) and error.stderr.strip() or error
