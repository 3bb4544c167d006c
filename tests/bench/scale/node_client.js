// The official Node SDK, driven like the other clients: `node node_client.js MODULES ORIGIN`. It asks for what
// python_client.py asks for.
"use strict";
const path = require("node:path");
const readline = require("node:readline");

const [modules, origin] = process.argv.slice(2);
const from = (name) => require(path.join(path.resolve(modules), name));
const { default: Client, GetUserHeaders } = from("@alicloud/dingtalk/contact_1_0");
const { Config } = from("@alicloud/openapi-client");
const { RuntimeOptions } = from("@alicloud/tea-util");

const TOKEN = "3f9a1c7be2d84056a1b7c9d0e4f52683";
const UNION_ID = "Qm7ZpXk2iiTgR9sVbLhUaGQiEiE";
const client = new Client(new Config({ protocol: "http", endpoint: origin.replace("http://", "") }));
const headers = new GetUserHeaders({ xAcsDingtalkAccessToken: TOKEN });

async function call() {
  const answer = await client.getUserWithOptions(UNION_ID, headers, new RuntimeOptions({}));
  if (answer.body.unionId !== UNION_ID) throw new Error("another person");
}

async function measure(inFlight, milliseconds) {
  const took = [];
  const start = process.hrtime.bigint();
  const end = start + BigInt(milliseconds) * 1_000_000n;
  const work = async () => {
    for (;;) {
      const begun = process.hrtime.bigint();
      if (begun >= end) return;
      await call();
      took.push(Number(process.hrtime.bigint() - begun));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const rate = (took.length / Number(process.hrtime.bigint() - start)) * 1e9;
  took.sort((a, b) => a - b);
  const at = (percent) => took[Math.floor(((took.length - 1) * percent) / 100)];
  return { calls: took.length, rate, p50: at(50), p99: at(99) };
}

async function main() {
  console.log("ready");
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [inFlight, milliseconds] = line.split(" ").map(Number);
    console.log(JSON.stringify(await measure(inFlight, milliseconds)));
  }
}

main();
