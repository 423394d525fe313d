"""A wire between client and box that can be cut."""

import asyncio


class Proxy:
    """Forwards TCP to the box; remembers what was asked; cuts, or swallows what the box says."""

    def __init__(self, port):
        self.target = port
        self.requests = []
        self.refusing = False
        self.silent = False
        self._writers = set()
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}"

    def paths(self):
        """The paths of all WebSocket requests, without their queries, oldest first."""
        return [line.split()[1].split("?")[0] for line in self.requests]

    async def _serve(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, upstream}
        await asyncio.gather(self._copy(reader, upstream, True), self._copy(upstream_reader, writer, False))
        for each in (writer, upstream):
            each.transport.abort()
            self._writers.discard(each)

    async def _copy(self, reader, writer, is_request):
        try:
            while chunk := await reader.read(65536):
                if is_request and chunk.startswith(b"GET "):
                    self.requests.append(chunk.split(b"\r\n", 1)[0].decode(errors="replace"))
                if is_request or not self.silent:
                    writer.write(chunk)
                    await writer.drain()
            if is_request or not self.silent:
                writer.write_eof()
        except (OSError, RuntimeError):
            pass

    def cut(self):
        """Ends every connection without a word."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def stop(self):
        self.refusing = True
        self.cut()
        self._server.close()
