"""An HTTP/1.1 proxy between one worker and its control plane that misbehaves when it is told to."""
import random
import socket
import threading

FOREIGN = (400, 401, 403, 404, 409, 410, 413, 415, 422, 500, 502)


def read_message(stream):
    """One request or answer with its body, None when the peer is gone in the middle of it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = stream.read(length) if length else b""
    return head + body if len(body) == length else None


class FaultProxy:
    """Modes: pass; refuse = hangs up; mute = takes requests and never answers; foreign = answers as another
    service would, with each status of FOREIGN; doubled = answers to claims come twice, or an old one once more."""

    def __init__(self, port, seed):
        self.target = port
        self.random = random.Random(seed)
        self.counts = {}
        self.registers = []  # the requests, as they were sent
        self._mode = "pass"
        self._changed = threading.Condition()
        self._open = set()
        self._last_claim = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, mode):
        with self._changed:
            self._mode = mode
            self._changed.notify_all()
            if mode == "refuse":
                for connection in self._open:
                    self._hang_up(connection)

    def send_again(self, request):
        """Sends a request of former times to the control plane; the status of its answer, 0 = none came."""
        answer = self._forward({}, request)
        return int(answer.split(b" ")[1]) if answer else 0

    @staticmethod
    def _hang_up(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            with self._changed:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        upstream = {}
        try:
            stream = connection.makefile("rb")
            while (request := read_message(stream)) is not None and self._answer(connection, upstream, request):
                pass
        except OSError:
            pass
        finally:
            with self._changed:
                self._open.discard(connection)
            for each in (connection, upstream.get("socket")):
                if each is not None:
                    each.close()

    def _answer(self, connection, upstream, request):
        """False: the connection is over."""
        mode = self._mode
        self.counts[mode] = self.counts.get(mode, 0) + 1
        if mode == "refuse":
            return False
        if mode == "mute":
            with self._changed:
                self._changed.wait_for(lambda: self._mode != "mute")
            return False
        if mode == "foreign":
            body = b"<html><title>The plain HTTP request was sent to an HTTPS port</title></html>"
            connection.sendall(b"HTTP/1.1 %d No\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s"
                               % (self.random.choice(FOREIGN), len(body), body))
            return True
        path = request.split(b" ", 2)[1]
        if path.endswith(b"/register"):
            self.registers.append(request)
        answer = self._forward(upstream, request)
        if answer is None:
            return False
        if path.endswith(b"/claim"):
            before, self._last_claim = self._last_claim, answer
            if mode == "doubled":
                answer = answer + answer if before is None or self.random.random() < 0.5 else before
        connection.sendall(answer)
        return True

    def _forward(self, upstream, request):
        try:
            if "socket" not in upstream:
                upstream["socket"] = socket.create_connection(("127.0.0.1", self.target), timeout=90)
                upstream["stream"] = upstream["socket"].makefile("rb")
            upstream["socket"].sendall(request)
            return read_message(upstream["stream"])
        except OSError:
            return None
