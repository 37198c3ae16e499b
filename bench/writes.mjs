// How many new images a second are stored, next to what the disk can do: the same number of files
// of the same size, each synced, one after the other. In one run: synced behind the replies (the
// default) and before each, with images that were drawn before, as a real upstream draws elsewhere;
// once with a simulator that draws them meanwhile, on the same cores; and plain files.
//
//   node bench/writes.mjs [IMAGES] [AT_ONCE]        default 2000 and 64
//
// REPRISE names the program.
import { closeSync, fsyncSync, openSync, readFileSync, readdirSync, statSync, writeSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { join } from "node:path";
import { scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";

const [IMAGES = 2000, AT_ONCE = 64] = process.argv.slice(2).map(Number);
const SIZE = "512x512";
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

// Prompts that no other is a rephrasing of.
const prompt = (i) => `sign number ${i} beside road ${i * 7 + 3}`;

function post(url, fields) {
  const body = JSON.stringify({ size: SIZE, ...fields });
  return new Promise((done, fail) => {
    const call = request(url, {
      method: "POST", agent,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
    }, (reply) => {
      const pieces = [];
      reply.on("data", (piece) => pieces.push(piece));
      reply.on("end", () => done({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(pieces) }));
      reply.on("error", fail);
    });
    call.on("error", fail);
    call.end(body);
  });
}

// Runs `task(i)` for each image, some at once; the seconds that took.
async function forAll(task) {
  let next = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < IMAGES) await task(next++);
  }));
  return (performance.now() - start) / 1000;
}

// An upstream that answers from the simulator's replies to these prompts, drawn here and now.
async function drawnBefore(simulator) {
  const replies = new Map();
  await forAll(async (i) => {
    const reply = await post(`${simulator.url}/images/generations`,
      { prompt: prompt(i), response_format: "b64_json" });
    if (reply.status !== 200) throw new Error(`the simulator answers ${reply.status}`);
    replies.set(prompt(i), reply.body);
  });
  const server = createServer((call, reply) => {
    const pieces = [];
    call.on("data", (piece) => pieces.push(piece));
    call.on("end", () => {
      const body = replies.get(JSON.parse(Buffer.concat(pieces)).prompt);
      reply.writeHead(body ? 200 : 404, { "Content-Type": "application/json" });
      reply.end(body);
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    stop: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  };
}

// Seconds of processor time that a process has used.
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function stored(upstream, sync) {
  const root = scratch();
  const gateway = await startGateway({ data: root.path, upstream: upstream.url,
    config: `cache:\n  sync: ${sync}\n  min_free_disk: 0\nupstream:\n  concurrency: ${AT_ONCE}\n` });
  try {
    const { pid } = gateway.process.child;
    const before = cpuSeconds(pid);
    const seconds = await forAll(async (i) => {
      const reply = await post(`${gateway.url}/v1/images/generations`,
        { prompt: prompt(i), response_format: "url" });
      const stored = reply.status === 200 && /stored/.test(reply.headers["cache-status"]);
      if (!stored) throw new Error(`HTTP ${reply.status}, not stored: ${reply.body}`);
    });
    const cpu = (cpuSeconds(pid) - before) / IMAGES * 1e3;
    const stats = await gateway.stats();
    if (stats.entries !== IMAGES) throw new Error(`${stats.entries} entries of ${IMAGES}`);
    const blobs = readdirSync(join(root.path, "blobs"), { recursive: true })
      .map((name) => statSync(join(root.path, "blobs", name))).filter((file) => file.isFile());
    const bytes = blobs.reduce((sum, file) => sum + file.size, 0) / blobs.length;
    return { rate: IMAGES / seconds, cpu, bytes };
  } finally {
    await gateway.stop();
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

const simulator = await startSimulator({ latency: "1ms" });
const upstream = await drawnBefore(simulator);
const behind = await stored(upstream, "behind");
const before = await stored(upstream, "before");
await upstream.stop();
const drawn = await stored(simulator, "behind");
await simulator.stop();
const disk = plainFiles(behind.bytes);
agent.destroy();
const show = (name, { rate, cpu }) => console.log(`${name.padEnd(50)} ${rate.toFixed(0).padStart(6)} /s` +
  (cpu ? `  ${cpu.toFixed(1)} ms of the gateway's processor time each` : ""));
console.log(`${IMAGES} images of ${(behind.bytes / 1000).toFixed(0)} KB, ${AT_ONCE} at once`);
show("stored, synced behind the reply", behind);
show("stored, synced before the reply", before);
show("stored, synced behind, drawn on the same cores", drawn);
show("files written and synced one by one", { rate: disk });
