"""Serve the built book on this machine: `python book/serve.py build/full/html 8000`."""

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def main() -> int:
    folder, port = sys.argv[1], int(sys.argv[2])
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        print(
            f"port {port} cannot be used ({error.strerror}); another one: make serve PORT=8001",
            file=sys.stderr,
        )
        return 2
    with server:
        print(f"http://localhost:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
