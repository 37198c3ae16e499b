// Background batches across kill -9, restarts and a graceful end.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { call, events, post, settled } from "./batch_client.mjs";
import { scratch, startGateway, startSimulator } from "./gateway.mjs";

const SMALL = { size: "64x64" };
const CONCURRENCY = 4;
const config = `batches: {concurrency: ${CONCURRENCY}, private_webhooks: yes}\n`;
let simulator;
before(async () => { simulator = await startSimulator({ latency: "30ms" }); });
after(() => simulator.stop());

const calls = async () => (await simulator.calls()).image_calls;
const THINGS = ["anvil", "banjo", "candle", "drum", "easel", "flute", "globe", "harp", "inkwell", "jug"];
const COLOURS = ["red", "blue", "green", "black", "white"];
const fifty = () => Object.fromEntries(COLOURS.flatMap((colour) =>
  THINGS.map((thing) => [`${colour}-${thing}`, { prompt: `a ${colour} ${thing}` }])));

describe("after kill -9 in the middle", () => {
  it("a batch of 50 completes, and only what was under way is made twice", async () => {
    const data = scratch();
    const start = () => startGateway({ data: data.path, upstream: simulator.url, config });
    const before = await calls();
    let gateway = await start();
    const { json: { id } } = await post(gateway.url, { mode: "background", defaults: SMALL, items: fifty() });
    let kills = 0, lastEvent = 0;
    const seen = [];
    for (; kills < 3; kills++) {
      const told = await events(gateway.url, id, { last: lastEvent, stopAfter: 10 });
      seen.push(...told);
      lastEvent = told.at(-1).id;
      await gateway.stop("SIGKILL");
      gateway = await start();
    }
    seen.push(...await events(gateway.url, id, { last: lastEvent }));
    const batch = await settled(gateway.url, id);
    assert.deepEqual(batch.counts, { total: 50, waiting: 0, done: 50, failed: 0, cancelled: 0 });
    const made = await calls() - before;
    assert.ok(made >= 50 && made <= 50 + kills * CONCURRENCY, `${made} upstream calls`);
    // No event was lost and none told twice, over all these lives.
    assert.deepEqual(seen.map(({ id }) => id), Array.from({ length: 51 }, (_, i) => i + 1));
    assert.equal(new Set(seen.slice(0, 50).map(({ data }) => data.item)).size, 50);
    await gateway.stop();
    data.remove();
  });

  it("items that are always made anew are recorded before they count", async () => {
    const data = scratch();
    const start = () => startGateway({ data: data.path, upstream: simulator.url, config });
    const before = await calls();
    let gateway = await start();
    const items = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`v${i}`, { prompt: "a die on a table" }]));
    const { json: { id } } = await post(gateway.url,
      { mode: "background", defaults: { ...SMALL, seed: -1 }, items });
    await events(gateway.url, id, { stopAfter: 5 });
    await gateway.stop("SIGKILL");
    gateway = await start();
    const batch = await settled(gateway.url, id);
    assert.equal(batch.counts.done, 12);
    const made = await calls() - before;
    assert.ok(made >= 12 && made <= 12 + CONCURRENCY, `${made} upstream calls`);
    const names = Object.values(batch.items).map(({ images }) => images[0].name);
    assert.equal(new Set(names).size, 12);
    await gateway.stop();
    data.remove();
  });

  it("a cancelled batch stays cancelled", async () => {
    const slow = await startSimulator({ latency: "1h" });
    const data = scratch();
    const start = () => startGateway({ data: data.path, upstream: slow.url, config });
    let gateway = await start();
    const { json: { id } } = await post(gateway.url, { mode: "background", defaults: SMALL, items: fifty() });
    while ((await slow.calls()).image_calls < CONCURRENCY) await new Promise((done) => setTimeout(done, 5));
    const cancelling = (await call(gateway.url, `/v1/batches/${id}`, { method: "DELETE" })).json;
    assert.equal(cancelling.state, "cancelling");
    assert.equal(cancelling.counts.cancelled, 50 - CONCURRENCY);
    await gateway.stop("SIGKILL");
    gateway = await start();
    const batch = await settled(gateway.url, id);
    assert.equal(batch.state, "cancelled");
    assert.equal(batch.counts.cancelled, 50);
    assert.equal((await slow.calls()).image_calls, CONCURRENCY);
    await gateway.stop();
    await slow.stop("SIGKILL");
    data.remove();
  });

  it("a webhook that was owed is delivered", async () => {
    const data = scratch();
    const start = () => startGateway({ data: data.path, upstream: simulator.url, config });
    let gateway = await start();
    let take = false, asked;
    const refused = new Promise((done) => { asked = done; });
    let delivered;
    const delivery = new Promise((done) => { delivered = done; });
    const server = createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        response.writeHead(take ? 200 : 500).end();
        if (take) delivered(JSON.parse(Buffer.concat(chunks).toString())); else asked();
      });
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { json: { id } } = await post(gateway.url, {
      mode: "background", defaults: SMALL, items: { a: { prompt: "a late postcard" } },
      webhook: { url: `http://127.0.0.1:${server.address().port}/`, secret: "s" },
    });
    await refused;
    await gateway.stop("SIGKILL");
    take = true;
    gateway = await start();
    assert.equal((await delivery).id, id);
    await gateway.stop();
    await new Promise((done) => server.close(done));
    data.remove();
  });
});

describe("SIGTERM", () => {
  it("keeps what is under way, ends event streams, and the next start goes on", async () => {
    const data = scratch();
    const start = () => startGateway({ data: data.path, upstream: simulator.url, config });
    const before = await calls();
    let gateway = await start();
    const { json: { id } } = await post(gateway.url, { mode: "background", defaults: SMALL, items: fifty() });
    const watching = events(gateway.url, id);
    await events(gateway.url, id, { stopAfter: 3 });
    assert.deepEqual(await gateway.stop("SIGTERM"), { code: 0, signal: null });
    const told = await watching;
    assert.ok(told.length >= 3 && told.length < 51);
    gateway = await start();
    const rest = await events(gateway.url, id, { last: told.at(-1).id });
    assert.equal(told.length + rest.length, 51);
    assert.equal((await settled(gateway.url, id)).counts.done, 50);
    assert.equal(await calls() - before, 50);
    await gateway.stop();
    data.remove();
  });
});

describe("ended batches", () => {
  it("are removed after a while", async () => {
    const gateway = await startGateway({ upstream: simulator.url, config: "batches: {keep: 1ms}\n" });
    const { json: { id } } = await post(gateway.url,
      { mode: "background", defaults: SMALL, items: { a: { prompt: "a sand castle" } } });
    while ((await call(gateway.url, `/v1/batches/${id}`)).status === 200) {
      await new Promise((done) => setTimeout(done, 50));
    }
    assert.deepEqual((await call(gateway.url, "/v1/batches")).json.data, []);
    await gateway.stop();
  });
});
