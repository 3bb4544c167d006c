"""The official Python SDK, driven like the other clients: `python python_client.py sync|async ORIGIN`.

It has no call of the old family, so it asks for a contact of the `/v1.0` family, whose answer is shorter. It keeps no
token: the program has to.
"""

import asyncio
import json
import sys
import threading
import time

from alibabacloud_dingtalk.contact_1_0 import models
from alibabacloud_dingtalk.contact_1_0.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

TOKEN = "3f9a1c7be2d84056a1b7c9d0e4f52683"
UNION_ID = "Qm7ZpXk2iiTgR9sVbLhUaGQiEiE"


class Caller:
    def __init__(self, origin):
        self.client = Client(Config(protocol="http", endpoint=origin.removeprefix("http://")))
        self.headers = models.GetUserHeaders(x_acs_dingtalk_access_token=TOKEN)

    def call(self):
        answer = self.client.get_user_with_options(UNION_ID, self.headers, RuntimeOptions())
        assert answer.body.union_id == UNION_ID

    async def call_async(self):
        answer = await self.client.get_user_with_options_async(UNION_ID, self.headers, RuntimeOptions())
        assert answer.body.union_id == UNION_ID


def threads(caller, in_flight, end, took):
    def work():
        while (start := time.perf_counter_ns()) < end:
            caller.call()
            took.append(time.perf_counter_ns() - start)

    workers = [threading.Thread(target=work) for _ in range(in_flight)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def tasks(caller, in_flight, end, took):
    async def work():
        while (start := time.perf_counter_ns()) < end:
            await caller.call_async()
            took.append(time.perf_counter_ns() - start)

    async def together():
        await asyncio.gather(*(work() for _ in range(in_flight)))

    asyncio.run(together())


def main():
    manner, origin = sys.argv[1:]
    caller, run = Caller(origin), {"sync": threads, "async": tasks}[manner]
    print("ready", flush=True)
    for line in sys.stdin:
        in_flight, milliseconds = map(int, line.split())
        took, start = [], time.perf_counter_ns()
        run(caller, in_flight, start + milliseconds * 1_000_000, took)
        rate = len(took) / (time.perf_counter_ns() - start) * 1e9
        took.sort()
        at = lambda percent: took[(len(took) - 1) * percent // 100]
        print(json.dumps({"calls": len(took), "rate": rate, "p50": at(50), "p99": at(99)}), flush=True)


if __name__ == "__main__":
    main()
