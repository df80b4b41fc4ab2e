"""Stands between a tool and its server: leads elsewhere on order, and cuts connections."""

import socket
import threading
from contextlib import suppress


class Relay:
    """`port` leads to `target`. A server whose client is cut off learns of it only when it next writes, so a statement
    that waits for a lock is still carried out."""

    def __init__(self, target):
        self.target, self.open, self.lock = target, set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.open |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        with self.lock:
            self.open -= {source, sink}
        _end(source, sink)

    def lead(self, target):
        """Leads elsewhere; connections to what it led to before are ended."""
        self.target = target
        self.cut()

    def cut(self):
        with self.lock:
            ends = list(self.open)
        _end(*ends)

    def close(self):
        self.listener.close()
        self.cut()


def _end(*ends):
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
