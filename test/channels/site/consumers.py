"""What the background worker of the tests does."""

from channels.consumer import AsyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter


class Jobs(AsyncConsumer):
    """Listens to the channel `jobs`, and to its own, which is put into groups."""

    async def do_echo(self, message):
        value = message["value"]
        await self.channel_layer.send(
            message["reply"],
            {"type": "was.echoed", "value": value, "repr": repr(value), "keys": sorted(message)},
        )

    async def do_fail(self, message):
        raise RuntimeError("as it was asked to")

    async def group_join(self, message):
        await self.channel_layer.group_add(message["group"], self.channel_name)
        await self.channel_layer.send(message["reply"], {"type": "has.joined", "channel": self.channel_name})

    async def group_leave(self, message):
        await self.channel_layer.group_discard(message["group"], self.channel_name)
        await self.channel_layer.send(message["reply"], {"type": "has.left"})

    async def group_tell(self, message):
        await self.channel_layer.group_send(message["group"], {"type": "news.said", "news": message["news"]})

    async def news_said(self, message):
        await self.channel_layer.send(message["reply"], {"type": "news.heard", "news": message["news"]})


application = ProtocolTypeRouter({"channel": ChannelNameRouter({"jobs": Jobs.as_asgi()})})
