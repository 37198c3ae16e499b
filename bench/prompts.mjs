// Prompts from a grammar, and requests that are timed: what the benchmarks with many stored prompts
// share.
import { Agent, request } from "node:http";

const WORDS = {
  medium: ["a watercolor of", "an oil painting of", "a photo of", "a pencil sketch of",
    "pixel art of", "a poster of", "a mosaic of", "a comic panel of", "a charcoal drawing of",
    "an engraving of"],
  look: ["red", "blue", "old", "tiny", "golden", "wooden", "striped", "sleepy", "proud", "white",
    "rusty", "glowing", "broken", "huge", "green", "silver"],
  subject: ["fox", "owl", "castle", "lighthouse", "train", "robot", "violin", "teapot", "dragon",
    "bicycle", "sailor", "wizard", "otter", "piano", "garden", "bridge", "whale", "clock", "baker",
    "horse", "tractor", "chapel", "penguin", "lantern", "submarine", "juggler", "windmill", "tiger",
    "typewriter", "harbour", "astronaut", "greenhouse", "beetle", "tram", "monk", "carousel",
    "telescope", "heron", "market stall", "balloon"],
  doing: ["beside a lake", "on a hill", "under an arch", "in a library", "at a fair",
    "near a waterfall", "inside a cave", "on a rooftop", "by the sea", "in a wheat field",
    "among ruins", "over a frozen river", "behind a barn", "in a pine forest", "on a cliff",
    "in a desert"],
  time: ["at dawn", "at noon", "at dusk", "at midnight", "in spring", "in autumn", "in winter",
    "during a storm"],
  with: ["with a candle", "with three birds", "with a green umbrella", "with two kites",
    "with falling leaves", "with a cracked mirror", "with a paper boat", "with ivy",
    "with a flag", "with distant mountains", "with a rope ladder", "with four barrels"],
};

// Mulberry32: small, seeded, good enough to pick words.
export function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// One of 9.8 million.
export function compose(random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  return `${pick(WORDS.medium)} a ${pick(WORDS.look)} ${pick(WORDS.subject)} ${pick(WORDS.doing)}` +
    ` ${pick(WORDS.time)}, ${pick(WORDS.with)}`;
}

export function distinctPrompts(count, random) {
  const all = new Set();
  while (all.size < count) all.add(compose(random));
  return [...all];
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
export const closeConnections = () => agent.destroy();

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

export const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];

// Exact, semantic and refused requests in turns, so that all meet the same noise; every answer is
// counted by its kind. `prompts` are those that are stored.
export async function measure(url, title, prompts, requests, random) {
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
  const p50 = {};
  for (const [name, values] of Object.entries(times)) {
    p50[name] = quantile(values, 0.5);
    const answers = Object.entries(kinds[name]).map(([kind, n]) => `${n} ${kind}`).join(", ");
    console.log(`  ${name.padEnd(9)} p50 ${p50[name].toFixed(2).padStart(7)} ms   ` +
      `p99 ${quantile(values, 0.99).toFixed(2).padStart(7)} ms   ${answers}`);
  }
  if (kinds.exact.EXACT !== requests) throw new Error("an exact request was not an exact hit");
  if (!(kinds.semantic.SEMANTIC > 0.9 * requests)) throw new Error("too few semantic hits");
  return p50;
}
