// Three components of equal latency L through a batch. L is what one of them takes when the
// simulator is asked directly, in turns with the batches, so that both meet the same noise; the
// bound is 1.05 L + 50 ms. One by one they take 3 L.
//
//   node bench/batch.mjs [ROUNDS]      default 10
import { startGateway, startSimulator } from "../tests/e2e/gateway.mjs";

const ROUNDS = Number(process.argv[2] ?? 10);
const LATENCIES = [500, 2000];  // ms
const SIZE = "256x256";
const THINGS = ["a lighthouse", "a steam train", "a bowl of plums"];

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// Milliseconds until the reply has arrived whole.
async function timed(url, body) {
  const start = performance.now();
  const response = await fetch(url, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const reply = await response.json();
  const took = performance.now() - start;
  if (response.status !== 200 || reply.counts?.failed) throw new Error(JSON.stringify(reply));
  return took;
}

async function measure(latency) {
  const simulator = await startSimulator({ latency: `${latency}ms` });
  const gateway = await startGateway({
    upstream: simulator.url, config: "cache: {mode: exact}\n",
  });
  const direct = [], batch = [];
  for (let round = 0; round < ROUNDS; round++) {
    const items = THINGS.map((thing, i) => ({ name: `c${i}`, prompt: `${thing}, number ${round}` }));
    direct.push(await timed(`${simulator.url}/images/generations`,
      { model: "gpt-image-1", prompt: items[0].prompt, size: SIZE }));
    batch.push(await timed(`${gateway.url}/v1/batches`, { defaults: { size: SIZE }, items }));
  }
  const l = median(direct), total = median(batch), bound = 1.05 * l + 50;
  console.log(`L ${l.toFixed(0).padStart(5)} ms   batch of three ${total.toFixed(0).padStart(5)} ms` +
    `   ${(total / l).toFixed(3)} L   worst ${Math.max(...batch).toFixed(0)} ms` +
    `   bound ${bound.toFixed(0)} ms ${total <= bound ? "held" : "MISSED"}`);
  await gateway.stop();
  await simulator.stop();
}

for (const latency of LATENCIES) await measure(latency);
