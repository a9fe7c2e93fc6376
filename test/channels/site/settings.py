"""A Django project with a channel layer and nothing else. LAYER is the layer's CONFIG, as JSON."""

import json
import os

SECRET_KEY = "of a test"
# So that Channels says when its worker runs.
DEBUG = True
USE_TZ = True
INSTALLED_APPS = ["channels"]
ASGI_APPLICATION = "consumers.application"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": json.loads(os.environ["LAYER"]),
    }
}
