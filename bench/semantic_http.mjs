// Hits over HTTP with many prompts stored in one partition: a data directory is filled, the gateway
// started on it, and exact hits, semantic hits and refusals are measured in turns, first while the
// index is still being built, then on the whole of it. Every answer is checked.
//
//   node bench/semantic_http.mjs [PROMPTS] [REQUESTS]      default 100000 and 2000
//
// REPRISE names the program, FILL_STORE the tool that fills the directory (default build/bench/).
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";
import { closeConnections, distinctPrompts, measure, seeded } from "./prompts.mjs";

const PROMPTS = Number(process.argv[2] ?? 100_000);
const REQUESTS = Number(process.argv[3] ?? 2000);
const FILL = process.env.FILL_STORE ?? "build/bench/fill_store";

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
  await measure(gateway.url, "on the whole index", prompts, REQUESTS, random);
  const { latency_ms: inside } = await gateway.stats();
  console.log(`inside the gateway: exact p50 ${inside.exact.p50.toFixed(3)} ms, semantic p50 ` +
    `${inside.semantic.p50.toFixed(3)} ms, p99 ${inside.semantic.p99.toFixed(3)} ms`);
} finally {
  closeConnections();
  await gateway?.stop();
  await simulator.stop();
  root.remove();
}
