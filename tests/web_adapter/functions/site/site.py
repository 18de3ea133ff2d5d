"""A web server that knows nothing of Lambda: it answers with what it was asked."""

import http.server
import json
import os


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        told = {
            "path": self.path,
            "pid": os.getpid(),
            "header": self.headers.get("x-seen", ""),
            "table": os.environ.get("TABLE", ""),
            "api": os.environ.get("AWS_LAMBDA_RUNTIME_API", ""),
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


address = ("127.0.0.1", int(os.environ["AWS_LWA_PORT"]))
http.server.ThreadingHTTPServer(address, Site).serve_forever()
