// What routes cost, by quality and size, and what all tenants together may spend a day.
import assert from "node:assert/strict";
import { it } from "node:test";
import { withinOneDay } from "./day.mjs";
import { generate, scratch, startGateway, startSimulator } from "./gateway.mjs";

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

it("prices by quality and size choose the upstream, and are what it costs", async () => {
  const simulator = await startSimulator({ latency: "1ms" });
  const gateway = await startGateway({
    config: `upstreams:
  small: {kind: openai, url: '${simulator.url}', prices: {gpt-image-1: {64x64: 0.01, 128x128: 0.5}}}
  large: {kind: openai, url: '${simulator.url}', prices: {gpt-image-1: {low: 0.03, high: 0.2}}}
routes:
  art: [{upstream: small, model: gpt-image-1}, {upstream: large, model: gpt-image-1}]
`,
  });
  const cheapest = async (prompt, size, quality) => {
    const response = await fetch(`${gateway.url}/v1/generate`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ model: "art", prompt, size, quality, prefer: "price" }) });
    assert.equal(response.status, 200, await response.clone().text());
    return response.headers.get("x-reprise-upstream");
  };
  try {
    assert.equal(await cheapest("a fox", "64x64", "low"), "small");
    assert.equal(await cheapest("a kettle", "128x128", "low"), "large");
    assert.equal(await cheapest("a train", "128x128", "high"), "large");
    const { upstreams } = await gateway.stats();
    near(upstreams.find(({ name }) => name === "small").spent_usd, 0.01);
    near(upstreams.find(({ name }) => name === "large").spent_usd, 0.23);
  } finally {
    await gateway.stop();
    await simulator.stop();
  }
});

async function totalHolds() {
  const simulator = await startSimulator({ latency: "20ms" });
  const place = scratch();
  const start = () => startGateway({
    data: place.path, upstream: simulator.url,
    config: "budget_total_usd: 0.1\nupstream: {prices: {gpt-image-1: 0.04}}\n",
  });
  let gateway = await start();
  const ask = (prompt) => generate(gateway.url, { model: "gpt-image-1", prompt, size: "64x64" });
  try {
    const words = ["fox", "kettle", "train", "castle", "violin"];
    const replies = await Promise.all(words.map((word) => ask(`a ${word}`)));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 200, 429, 429, 429]);
    const refused = replies.find(({ status }) => status === 429);
    assert.equal(refused.json.error.code, "budget_exceeded");
    assert.match(refused.json.error.message, /all tenants together have less than \$0\.04 left for today/);
    assert.match(refused.json.error.message, /budget_total_usd/);
    await gateway.stop("SIGKILL");
    gateway = await start();
    const { total } = (await gateway.stats()).budget;
    assert.equal(total.budget_usd, 0.1);
    near(total.spent_usd, 0.08);
    assert.equal((await ask("a lighthouse")).status, 429);
    const known = words[replies.findIndex(({ status }) => status === 200)];
    assert.equal((await ask(`a ${known}`)).cache, "HIT EXACT");
  } finally {
    await gateway.stop();
    await simulator.stop();
    place.remove();
  }
}

it("a budget of all tenants together holds in parallel and over kill -9",
  () => withinOneDay(totalHolds));
