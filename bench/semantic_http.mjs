// Hits over HTTP with many prompts stored in one partition: a data directory is filled, the gateway
// started on it, and exact hits, semantic hits and refusals are measured in turns, first while the
// index is still being built, then on the whole of it. Every answer is checked.
//
//   node bench/semantic_http.mjs [PROMPTS] [REQUESTS]      default 100000 and 2000
//
// REPRISE names the program, FILL_STORE the tool that fills the directory (default build/bench/).
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";

const PROMPTS = Number(process.argv[2] ?? 100_000);
const REQUESTS = Number(process.argv[3] ?? 2000);
const FILL = process.env.FILL_STORE ?? "build/bench/fill_store";

const WORDS = {
  medium: ["a watercolor of", "an oil painting of", "a photo of", "a pencil sketch of",
    "pixel art of", "a poster of", "a mosaic of", "a comic panel of"],
  look: ["red", "blue", "old", "tiny", "golden", "wooden", "striped", "sleepy", "proud", "white",
    "rusty", "glowing"],
  subject: ["fox", "owl", "castle", "lighthouse", "train", "robot", "violin", "teapot", "dragon",
    "bicycle", "sailor", "wizard", "otter", "piano", "garden", "bridge", "whale", "clock", "baker",
    "horse"],
  doing: ["beside a lake", "on a hill", "under a bridge", "in a library", "at a market",
    "near a waterfall", "inside a cave", "on a rooftop", "by the sea", "in a wheat field",
    "among ruins", "over a frozen river"],
  time: ["at dawn", "at noon", "at dusk", "at midnight", "in spring", "in autumn", "in winter",
    "during a storm"],
  with: ["with a lantern", "with three birds", "with a green umbrella", "with two candles",
    "with falling leaves", "with a broken mirror", "with a paper boat", "with ivy",
    "with a flag", "with distant mountains"],
};

// Mulberry32: small, seeded, good enough to pick words.
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function compose(random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  return `${pick(WORDS.medium)} a ${pick(WORDS.look)} ${pick(WORDS.subject)} ${pick(WORDS.doing)}` +
    ` ${pick(WORDS.time)}, ${pick(WORDS.with)}`;
}

function distinctPrompts(count, random) {
  const all = new Set();
  while (all.size < count) all.add(compose(random));
  return [...all];
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const body = (prompt) => JSON.stringify(
  { prompt, size: "1024x1024", response_format: "url", cache: { "only-if-cached": true } });

// One request: its milliseconds and how it was answered.
function ask(url, prompt) {
  const text = body(prompt);
  return new Promise((done, fail) => {
    const start = process.hrtime.bigint();
    const sent = request(`${url}/v1/images/generations`, {
      method: "POST", agent,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
    }, (response) => {
      response.resume();
      response.on("end", () => done({
        ms: Number(process.hrtime.bigint() - start) / 1e6,
        kind: response.headers["x-cache-type"] ?? String(response.statusCode),
      }));
    });
    sent.on("error", fail);
    sent.end(text);
  });
}

const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];

// Exact, semantic and refused requests in turns, so that all meet the same noise.
async function measure(url, title, prompts, requests, random) {
  const times = { exact: [], semantic: [], miss: [] };
  const kinds = { exact: {}, semantic: {}, miss: {} };
  const pick = () => prompts[Math.floor(random() * prompts.length)];
  const asked = {
    exact: pick,
    semantic: () => `Please draw ${pick()}, highly detailed.`,
    miss: () => `${compose(random)} and a zebra`,
  };
  for (let i = 0; i < requests; i++) {
    for (const name of Object.keys(times)) {
      const { ms, kind } = await ask(url, asked[name]());
      times[name].push(ms);
      kinds[name][kind] = (kinds[name][kind] ?? 0) + 1;
    }
  }
  console.log(`${title}: ${requests} requests of each kind, one connection`);
  for (const [name, values] of Object.entries(times)) {
    const answers = Object.entries(kinds[name]).map(([kind, n]) => `${n} ${kind}`).join(", ");
    console.log(`  ${name.padEnd(9)} p50 ${quantile(values, 0.5).toFixed(2).padStart(7)} ms   ` +
      `p99 ${quantile(values, 0.99).toFixed(2).padStart(7)} ms   ${answers}`);
  }
  return kinds;
}

const root = scratch();
const simulator = await startSimulator({ latency: "1ms" });
let gateway;
try {
  const random = seeded(7);
  const prompts = distinctPrompts(PROMPTS, random);
  const file = join(root.path, "prompts.txt");
  writeFileSync(file, prompts.join("\n") + "\n");
  const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);
  let since = Date.now();
  execFileSync(FILL, [join(root.path, "data"), file], { stdio: ["ignore", "ignore", "inherit"] });
  console.log(`${PROMPTS} prompts stored in ${seconds(since)} s`);
  since = Date.now();
  gateway = await startGateway({ data: join(root.path, "data"), upstream: simulator.url });
  console.log(`the gateway serves after ${seconds(since)} s`);
  if ((await gateway.stats()).indexing) {
    await measure(gateway.url, "while the index is being built", prompts,
      Math.max(20, Math.floor(REQUESTS / 20)), random);
  }
  while ((await gateway.stats()).indexing) await new Promise((done) => setTimeout(done, 100));
  const stats = await gateway.stats();
  console.log(`the index is complete after ${seconds(since)} s: ${stats.vectors} vectors in ` +
    `${stats.partitions} partition, ${(stats.index_bytes / 2 ** 20).toFixed(0)} MB`);
  const kinds = await measure(gateway.url, "on the whole index", prompts, REQUESTS, random);
  if (kinds.exact.EXACT !== REQUESTS) throw new Error("an exact request was not an exact hit");
  if (!(kinds.semantic.SEMANTIC > 0.9 * REQUESTS)) throw new Error("too few semantic hits");
  const { latency_ms: inside } = await gateway.stats();
  console.log(`inside the gateway: exact p50 ${inside.exact.p50.toFixed(3)} ms, semantic p50 ` +
    `${inside.semantic.p50.toFixed(3)} ms, p99 ${inside.semantic.p99.toFixed(3)} ms`);
} finally {
  agent.destroy();
  await gateway?.stop();
  await simulator.stop();
  root.remove();
}
