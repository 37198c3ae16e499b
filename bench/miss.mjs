// What the gateway adds to a miss: the same simulator is asked directly, through the gateway, and
// through nginx passing the request on, in turns, always for something new. Then many misses at
// once, with the memory they take.
//
//   node bench/miss.mjs [PAIRS] [AT_ONCE] [SECONDS]        default 400, 500 and 2
//
// REPRISE names the program.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { startGateway, startSimulator } from "../tests/e2e/gateway.mjs";
import { startNginx } from "./nginx.mjs";

const [PAIRS = 400, AT_ONCE = 500, SECONDS = 2] = process.argv.slice(2).map(Number);

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

function ask(base, prompt, size) {
  const body = JSON.stringify({ model: "gpt-image-1", prompt, size });
  return new Promise((done, fail) => {
    const start = performance.now();
    const call = request(`${base}/images/generations`, {
      method: "POST", agent,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
    }, (reply) => {
      const pieces = [];
      reply.on("data", (piece) => pieces.push(piece));
      reply.on("end", () => {
        const took = performance.now() - start;
        const text = Buffer.concat(pieces).toString();
        const image = reply.statusCode === 200 && JSON.parse(text).data[0].b64_json;
        if (!image) return fail(new Error(`HTTP ${reply.statusCode}: ${text.slice(0, 200)}`));
        done({ took, cache: reply.headers["x-cache"] });
      });
    });
    call.on("error", fail);
    call.end(body);
  });
}

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.floor(list.length * q)];
const ms = (value) => `${value.toFixed(2)} ms`;

// Prompts that no other is a rephrasing of.
const prompt = (i) => `sign number ${i} beside road ${i * 7 + 3}`;

function residentMb(pid, field) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(status.match(new RegExp(`${field}:\\s+(\\d+) kB`))[1]) / 1024;
}

async function added(latency, size) {
  const simulator = await startSimulator({ latency });
  const gateway = await startGateway({ upstream: simulator.url });
  const nginx = await startNginx({ upstream: simulator.url });
  const direct = [], through = [], passed = [];
  for (let i = -20; i < PAIRS; ++i) {
    const first = await ask(simulator.url, prompt(3 * i + 100), size);
    const second = await ask(`${gateway.url}/v1`, prompt(3 * i + 101), size);
    const third = await ask(`${nginx.url}/v1`, prompt(3 * i + 102), size);
    if (second.cache !== "MISS") throw new Error(`no miss: ${second.cache}`);
    if (i < 0) continue;
    direct.push(first.took);
    through.push(second.took);
    passed.push(third.took);
  }
  const p50 = quantile(direct, 0.5);
  console.log(`miss, ${size}, simulator ${latency}: direct p50 ${ms(p50)}, ` +
    `through the gateway ${ms(quantile(through, 0.5))}, added ${ms(quantile(through, 0.5) - p50)}; ` +
    `nginx passing it on adds ${ms(quantile(passed, 0.5) - p50)}`);
  await nginx.stop();
  await gateway.stop();
  await simulator.stop();
}

async function allAtOnce(base, from, size) {
  const start = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(base, prompt(from + i), size)));
  return (performance.now() - start) / 1000;
}

// Directly first: drawing shares these cores, and is the simulator's own time.
async function atOnce(size) {
  const simulator = await startSimulator({ latency: `${SECONDS * 1000}ms` });
  const gateway = await startGateway({ upstream: simulator.url,
    config: `upstream:\n  concurrency: ${AT_ONCE}\n` });
  const pid = gateway.process.child.pid;
  const before = residentMb(pid, "VmRSS");
  const direct = await allAtOnce(simulator.url, 0, size);
  const through = await allAtOnce(`${gateway.url}/v1`, AT_ONCE, size);
  console.log(`${AT_ONCE} misses of ${SECONDS} s at once, ${size}: direct ${direct.toFixed(2)} s, ` +
    `through the gateway ${through.toFixed(2)} s; memory ${before.toFixed(0)} MB before, ` +
    `${residentMb(pid, "VmHWM").toFixed(0)} MB at most`);
  await gateway.stop();
  await simulator.stop();
}

await added("1ms", "64x64");
await added("20ms", "64x64");
await added("20ms", "256x256");
await added("20ms", "1024x1024");
await atOnce("64x64");
await atOnce("256x256");
