"""What an ASGI server runs: `uvicorn planning_sync.asgi:application`. Pages, and sockets for live updates."""

from __future__ import annotations

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planning_sync.settings")

# WhiteNoise hands over plain file iterators. Django reads them whole and says so at the first one; the files
# are our own few small ones.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

pages = get_asgi_application()  # makes Django ready for the imports that follow

from channels.routing import ProtocolTypeRouter  # noqa: E402

from planning_sync.api.sockets import admit  # noqa: E402
from planning_sync.live.routing import websockets  # noqa: E402

application = ProtocolTypeRouter({"http": pages, "websocket": websockets(admit)})
