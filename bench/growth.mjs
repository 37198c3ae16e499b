// What growth costs: one data directory filled to 10,000, 100,000 and 1,000,000 prompts of a
// grammar with the built-in embedder, and at each size, on the real program: the time until it
// serves (from the store, from a snapshot), the memory of an entry beside its vector, and hits over
// HTTP. Every answer is checked.
//
//   node bench/growth.mjs [REQUESTS] [SIZE...]      default 1000 and 10000 100000 1000000
//
// REPRISE names the program, FILL_STORE the tool that fills the directory (default build/bench/);
// GROWTH_DATA a directory that is kept. A million entries take 3 GB of disk and of memory, and the
// first graph over them some minutes.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";
import { closeConnections, distinctPrompts, measure, seeded } from "./prompts.mjs";

const REQUESTS = Number(process.argv[2] ?? 1000);
const SIZES = process.argv.length > 3 ? process.argv.slice(3).map(Number)
  : [10_000, 100_000, 1_000_000];
const FILL = process.env.FILL_STORE ?? "build/bench/fill_store";

const seconds = (since) => (Date.now() - since) / 1000;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Anonymous memory that is resident: mapped files and the program itself are not counted.
function residentBytes(pid) {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/RssAnon:\s+(\d+) kB/);
  return Number(line[1]) * 1024;
}

// Starts the gateway; it is ready when it serves. The log says from where it has read.
async function start(data, simulator) {
  const since = Date.now();
  const gateway = await startGateway({ data, upstream: simulator.url });
  const ready = seconds(since);
  const [, source] = gateway.process.log.match(/entries read in [\d.]+ s, (.*)/) ?? [, "nothing"];
  return { gateway, ready, source };
}

async function settled(gateway) {
  while ((await gateway.stats()).indexing) await sleep(200);
}

// Until there is a snapshot with the complete graphs, which the gateway writes within some seconds,
// longer on a slow disk; at its end it would wait for one for 10 s only. A small index is complete
// from the start, and a snapshot of it may not be due.
async function written(gateway) {
  const count = () => gateway.process.log.match(/a snapshot of .* is written/g)?.length ?? 0;
  const before = count();
  for (let i = 0; i < 300 && count() === before; ++i) await sleep(200);
}

// An empty gateway's memory, which is no entry's.
async function baseline(simulator) {
  const gateway = await startGateway({ upstream: simulator.url });
  await fetch(`${gateway.url}/health`);
  const bytes = residentBytes(gateway.process.child.pid);
  await gateway.stop();
  return bytes;
}

async function measureSize(size, context) {
  const { data, prompts, simulator, base, random } = context;
  console.log(`\n${size} entries`);
  let { gateway, ready, source } = await start(data, simulator);
  console.log(`  serves after ${ready.toFixed(2)} s: ${source}`);
  let since = Date.now();
  await settled(gateway);
  console.log(`  the index is complete ${seconds(since).toFixed(1)} s later`);
  await written(gateway);
  await gateway.stop();
  const log = gateway.process.log.match(/a snapshot of .* is written: .*/g)?.at(-1) ?? "no snapshot is due";
  console.log(`  ${log}`);
  ({ gateway, ready, source } = await start(data, simulator));
  console.log(`  serves after ${ready.toFixed(2)} s: ${source}`);
  await settled(gateway);
  const p50 = await measure(gateway.url, "  hits", prompts.slice(0, size), REQUESTS, random);
  const stats = await gateway.stats();
  const resident = residentBytes(gateway.process.child.pid) - base;
  const dimensions = 768;  // of the built-in embedder, at 12 bits each
  const vectors = stats.vectors * dimensions * 1.5;
  console.log(`  resident ${(resident / 2 ** 20).toFixed(0)} MB, of which vectors ` +
    `${(vectors / 2 ** 20).toFixed(0)} MB: ` +
    `${((resident - vectors) / stats.entries).toFixed(0)} bytes per entry beside its vector`);
  await gateway.stop();
  return { size, ready, p50: p50.semantic, bytes: (resident - vectors) / stats.entries };
}

const own = process.env.GROWTH_DATA ? null : scratch();
const root = process.env.GROWTH_DATA ?? own.path;
const simulator = await startSimulator({ latency: "1ms" });
try {
  const prompts = distinctPrompts(Math.max(...SIZES), seeded(7));
  const base = await baseline(simulator);
  const rows = [];
  let filled = 0;
  for (const size of SIZES) {
    const data = join(root, "data");
    mkdirSync(data, { recursive: true });
    const file = join(root, `prompts-${size}.txt`);
    if (!existsSync(file)) {
      writeFileSync(file, prompts.slice(filled, size).join("\n") + "\n");
      const since = Date.now();
      execFileSync(FILL, [data, file], { stdio: ["ignore", "ignore", "inherit"] });
      console.log(`\n${size - filled} more prompts stored in ${seconds(since).toFixed(1)} s`);
    }
    filled = size;
    rows.push(await measureSize(size, { data, prompts, simulator, base, random: seeded(size) }));
  }
  console.log("\n   entries   ready s   semantic p50 ms   to the first   bytes per entry");
  for (const row of rows) {
    console.log(`${String(row.size).padStart(10)}${row.ready.toFixed(2).padStart(10)}` +
      `${row.p50.toFixed(2).padStart(18)}${(row.p50 / rows[0].p50).toFixed(2).padStart(14)}x` +
      `${row.bytes.toFixed(0).padStart(18)}`);
  }
} finally {
  closeConnections();
  await simulator.stop();
  own?.remove();
}
