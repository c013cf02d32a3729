"""An RTSP server on loopback: rtsp-server.py PORT VIDEO.h264 FPS [USER PASSWORD]

Sends the access units of a video (each begins with a delimiter) over and over, live, to whoever asks for /cam. Says its
port once it listens; 0 for a free one. A login is asked for by digest.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

port, video, fps, *login = sys.argv[1:]
Gst.init(None)

DELIMITER = b"\0\0\0\1\x09"
with open(video, "rb") as file:
    units = [DELIMITER + rest for rest in file.read().split(DELIMITER)[1:]]


def feed(_factory, media):
    source = media.get_element().get_by_name("source")
    at = 0
    over = False

    def end(_media):
        nonlocal over
        over = True

    def push():
        nonlocal at
        # While it is still being set up it takes nothing.
        if source.emit("push-buffer", Gst.Buffer.new_wrapped(units[at % len(units)])) == Gst.FlowReturn.OK:
            at += 1
        return not over

    media.connect("unprepared", end)
    GLib.timeout_add(1000 // int(fps), push)


factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_latency(0)
factory.set_launch(
    "( appsrc name=source is-live=true format=time do-timestamp=true"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au"
    " ! h264parse ! rtph264pay name=pay0 pt=96 )"
)
factory.connect("media-configure", feed)

server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
if login:
    user, password = login
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/cam", factory)
if server.attach(None) == 0:
    sys.exit(f"port {port} is taken")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
