// Three components of equal latency L through a batch, next to the same three one after the other.
// Prints the total over L; the bound is 1.05 L + 50 ms.
//
//   node bench/batch.mjs [ROUNDS]      default 10
import { startGateway, startSimulator } from "../tests/e2e/gateway.mjs";

const ROUNDS = Number(process.argv[2] ?? 10);
const LATENCIES = [500, 2000];  // ms

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function post(url, body) {
  const start = performance.now();
  const response = await fetch(url, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const reply = await response.json();
  if (response.status !== 200) throw new Error(JSON.stringify(reply));
  return { took: performance.now() - start, reply };
}

const prompts = (round) => ["a lighthouse", "a steam train", "a bowl of plums"]
  .map((thing) => `${thing}, picture number ${round}`);

async function measure(latency) {
  const simulator = await startSimulator({ latency: `${latency}ms` });
  const gateway = await startGateway({ upstream: simulator.url, config: "cache: {mode: exact}\n" });
  const totals = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [hero, metrics, timeline] = prompts(round).map((prompt) => ({ prompt }));
    const { took, reply } = await post(`${gateway.url}/v1/batches`,
      { defaults: { size: "1024x1024" }, items: { hero, metrics, timeline } });
    if (reply.counts.done !== 3) throw new Error(JSON.stringify(reply));
    totals.push(took);
  }
  const start = performance.now();
  for (const prompt of prompts("one by one")) {
    await post(`${gateway.url}/v1/images/generations`, { prompt, size: "1024x1024", response_format: "url" });
  }
  const serial = performance.now() - start;
  const bound = 1.05 * latency + 50;
  const worst = Math.max(...totals);
  console.log(`L ${String(latency).padStart(5)} ms   batch p50 ${median(totals).toFixed(0)} ms (${(median(totals) / latency).toFixed(3)} L)   worst ${worst.toFixed(0)} ms   bound ${bound.toFixed(0)} ms ${worst <= bound ? "held" : "MISSED"}   one by one ${serial.toFixed(0)} ms (${(serial / latency).toFixed(2)} L)`);
  await gateway.stop();
  await simulator.stop();
}

for (const latency of LATENCIES) await measure(latency);
