// How many new images a second are stored, next to what the disk can do: the same number of files
// of the same size, each synced, one after the other. Three ways in one run: synced behind the
// replies (the default), synced before each, and plain files.
//
//   node bench/writes.mjs [IMAGES] [AT_ONCE]        default 2000 and 64
//
// REPRISE names the program.
import { closeSync, fsyncSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "node:http";
import { scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";

const [IMAGES = 2000, AT_ONCE = 64] = process.argv.slice(2).map(Number);
// Drawing is the most of the work where simulator and gateway share the cores, so small ones.
const SIZE = "512x512";
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

// Prompts that no other is a rephrasing of.
const prompt = (i) => `sign number ${i} beside road ${i * 7 + 3}`;

function ask(url, i) {
  const body = JSON.stringify({ prompt: prompt(i), size: SIZE, response_format: "url" });
  return new Promise((done, fail) => {
    const call = request(`${url}/v1/images/generations`, {
      method: "POST", agent,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
    }, (reply) => {
      reply.resume();
      reply.on("end", () => {
        const stored = reply.statusCode === 200 && /stored/.test(reply.headers["cache-status"]);
        return stored ? done() : fail(new Error(`HTTP ${reply.statusCode}, not stored`));
      });
    });
    call.on("error", fail);
    call.end(body);
  });
}

async function stored(sync) {
  const root = scratch();
  const simulator = await startSimulator({ latency: "1ms" });
  const gateway = await startGateway({ data: root.path, upstream: simulator.url,
    config: `cache:\n  sync: ${sync}\n  min_free_disk: 0\nupstream:\n  concurrency: ${AT_ONCE}\n` });
  try {
    let next = 0;
    const start = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (next < IMAGES) await ask(gateway.url, next++);
    }));
    const seconds = (performance.now() - start) / 1000;
    const stats = await gateway.stats();
    if (stats.entries !== IMAGES) throw new Error(`${stats.entries} entries of ${IMAGES}`);
    const blobs = readdirSync(join(root.path, "blobs"), { recursive: true })
      .map((name) => statSync(join(root.path, "blobs", name))).filter((file) => file.isFile());
    const bytes = blobs.reduce((sum, file) => sum + file.size, 0) / blobs.length;
    return { rate: IMAGES / seconds, bytes };
  } finally {
    await gateway.stop();
    await simulator.stop();
    root.remove();
  }
}

function plainFiles(bytes) {
  const root = scratch();
  const content = Buffer.alloc(Math.round(bytes), 7);
  const start = performance.now();
  const count = Math.min(IMAGES, 500);
  for (let i = 0; i < count; ++i) {
    const file = openSync(join(root.path, String(i)), "w");
    writeSync(file, content);
    fsyncSync(file);
    closeSync(file);
  }
  const rate = count / ((performance.now() - start) / 1000);
  root.remove();
  return rate;
}

const behind = await stored("behind");
const before = await stored("before");
const disk = plainFiles(behind.bytes);
agent.destroy();
const show = (name, rate) => console.log(`${name.padEnd(44)} ${rate.toFixed(0).padStart(6)} /s`);
console.log(`${IMAGES} images of ${(behind.bytes / 1000).toFixed(0)} KB, ${AT_ONCE} at once; the simulator draws them on the same cores`);
show("stored, synced behind the reply", behind.rate);
show("stored, synced before the reply", before.rate);
show("files written and synced one by one", disk);
