"""The official Stream SDK against the sandbox, unmodified: `python stream.py PATH/dingtalk-sandbox`.

Only the environment variable `DINGTALK_OPENAPI_ENDPOINT` says that this is not the real platform.
"""

import asyncio
import json
import logging
import os
import sys

import sandbox as demo

TOPIC = "/v1.0/im/bot/messages/get"
LONGEST = 30


def control(origin, method, path, **body):
    """A call of the control API; gives its JSON."""
    data = json.dumps(body).encode() if method == "POST" else None
    status, _, text = demo.http(f"{origin}/_sandbox/v1{path}", data, demo.CONTROL)
    assert status in (200, 201), (status, text)
    return json.loads(text)


async def eventually(happened, what):
    """Waits for what the other process does soon; never for its clock."""
    for _ in range(LONGEST * 100):
        if found := happened():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never came: {what}")


class Walk:
    def __init__(self, origin, sdk):
        self.origin, self.sdk, self.steps = origin, sdk, 0
        self.events, self.callbacks, self.answers = asyncio.Queue(), asyncio.Queue(), []
        walk = self

        class Events(sdk.EventHandler):
            async def process(self, event):
                # What the handler leaves in the event is what the SDK sends back as the acknowledgement's data.
                data, answer = event.data, walk.answers.pop(0) if walk.answers else 200
                if answer == "LATER":
                    event.data, answer = {"status": "LATER", "message": "busy"}, 200
                walk.events.put_nowait((event.headers, data))
                return answer, "OK"

        class Callbacks(sdk.CallbackHandler):
            async def process(self, callback):
                walk.callbacks.put_nowait(callback)
                return sdk.AckMessage.STATUS_OK, {"said": callback.data["text"]}

        self.events_handler, self.callback_handler = Events(), Callbacks()

    def client(self, secret):
        # What it has to say is asserted here; its own log would only make the run's longer.
        quiet = logging.Logger("stream", logging.CRITICAL)
        client = self.sdk.DingTalkStreamClient(self.sdk.Credential(demo.CLIENT, secret), quiet)
        client.register_all_event_handler(self.events_handler)
        client.register_callback_handler(TOPIC, self.callback_handler)
        return client

    def connections(self):
        return control(self.origin, "GET", "/stream/connections")["connections"]

    def push(self, nth):
        event = {"clientId": demo.CLIENT, "eventType": "check_in", "fields": {"StaffId": nth}}
        pushes = control(self.origin, "POST", "/events", **event)["pushes"]
        assert len(pushes) == 1, pushes

    async def event(self, nth):
        self.steps += 1
        headers, data = await asyncio.wait_for(self.events.get(), LONGEST)
        assert headers.event_type == "check_in" and data == {"staffId": nth}, (str(headers), data)
        assert headers.event_corp_id == demo.CORP and headers.topic == "*", str(headers)
        return headers

    async def acknowledged(self):
        self.steps += 1
        await eventually(lambda: all(it["unacknowledged"] == 0 for it in self.connections()), "acknowledgement")

    async def whole(self):
        assert self.client("wrong").open_connection() is None, "a wrong secret opens nothing"
        client = self.client(demo.SECRET)
        running = asyncio.create_task(client.start())
        try:
            await eventually(self.connections, "connection")
            await self.told_once()
            await self.told_again()
            await self.called_back()
            await self.comes_back()
        finally:
            running.cancel()
            await client.websocket.close()

    async def told_once(self):
        self.push(1)
        await self.event(1)
        await self.acknowledged()
        control(self.origin, "POST", "/clock", advanceMs=3_600_000)
        self.push(2)
        await self.event(2)
        await self.acknowledged()

    async def told_again(self):
        """With the status LATER, and with a code of the SDK's own for a handler that failed."""
        for answer in ("LATER", self.sdk.AckMessage.STATUS_SYSTEM_EXCEPTION):
            self.answers = [answer]
            self.push(3)
            first = await self.event(3)
            await self.acknowledged()
            assert self.events.empty(), "not before its time"
            control(self.origin, "POST", "/clock", advanceMs=10_000)
            second = await self.event(3)
            assert second.event_id == first.event_id and second.message_id != first.message_id
            await self.acknowledged()

    async def called_back(self):
        callback = {"clientId": demo.CLIENT, "topic": TOPIC, "data": {"text": "你好"}}
        push = control(self.origin, "POST", "/stream/callbacks", **callback)["push"]
        callback = await asyncio.wait_for(self.callbacks.get(), LONGEST)
        assert callback.headers.topic == TOPIC and callback.data == {"text": "你好"}, callback
        answers = await eventually(lambda: control(self.origin, "GET", "/stream/answers")["answers"], "answer")
        assert [(it["push"], it["code"], it["response"]) for it in answers] == [(push, 200, {"said": "你好"})], answers
        self.steps += 1

    async def comes_back(self):
        """The SDK closes when it is asked to leave, and opens a new connection by itself."""
        (before,) = self.connections()
        assert control(self.origin, "POST", "/stream/disconnect", connectionId=before["id"])["disconnected"] == 1
        await eventually(lambda: [it for it in self.connections() if it["id"] != before["id"]], "new connection")
        await eventually(lambda: len(self.connections()) == 1, "end of the old connection")
        self.push(4)
        await self.event(4)
        await self.acknowledged()


def main(program):
    with demo.running(program) as origin:
        control(origin, "POST", "/clock", freeze=True)
        # The SDK reads it when it is imported.
        os.environ["DINGTALK_OPENAPI_ENDPOINT"] = origin
        import dingtalk_stream

        async def walked():
            walk = Walk(origin, dingtalk_stream)
            await walk.whole()
            return walk.steps

        steps = asyncio.run(walked())
        print(f"the official Stream SDK {dingtalk_stream.version.VERSION_STRING}: {steps} steps")


if __name__ == "__main__":
    main(sys.argv[1])
