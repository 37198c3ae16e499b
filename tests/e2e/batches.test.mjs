// Batches that answer when all items are done, and those that go on in the background.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { call, events, post, settled } from "./batch_client.mjs";
import { imageInfo, startGateway, startSimulator } from "./gateway.mjs";

const SMALL = { size: "64x64" };
let simulator, gateway;
before(async () => {
  simulator = await startSimulator({ latency: "200ms" });
  gateway = await startGateway({
    upstream: simulator.url,
    config: "batches: {private_webhooks: yes, items: 60}\nupstream: {attempts: 1}\n",
  });
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
});

const calls = async () => (await simulator.calls()).image_calls;

describe("a batch that waits", () => {
  it("has its items made at the same time, with defaults and templates", async () => {
    const reply = await post(gateway.url, {
      defaults: { ...SMALL, category: "report", response_format: "b64_json" },
      variables: { client: "Acme", year: 2026 },
      items: {
        hero: { prompt: "a lighthouse poster for {{client}}" },
        metrics: { prompt: "a bar chart of bridges, {{ year }}", response_format: "url" },
        timeline: { prompt: "a winding river seen from above" },
      },
    });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(Object.keys(reply.json.items), ["hero", "metrics", "timeline"]);
    assert.deepEqual(reply.json.counts,
      { total: 3, waiting: 0, done: 3, failed: 0, cancelled: 0 });
    const { hero, metrics } = reply.json.items;
    assert.equal(hero.status, "done");
    assert.equal(hero.cache.status, "MISS");
    assert.deepEqual(imageInfo(Buffer.from(hero.images[0].b64_json, "base64")),
      { type: "png", width: 64, height: 64 });
    const fetched = Buffer.from(await (await fetch(metrics.images[0].url)).arrayBuffer());
    assert.equal(imageInfo(fetched).type, "png");
    assert.equal((await simulator.calls()).most_at_once, 3);

    // The templates made these very prompts.
    const again = await post(gateway.url, {
      defaults: { ...SMALL, cache: { "only-if-cached": true, mode: "exact" } },
      items: [
        { name: "a", prompt: "a lighthouse poster for Acme" },
        { name: "b", prompt: "a bar chart of bridges, 2026" },
      ],
    });
    assert.deepEqual(Object.values(again.json.items).map(({ cache }) => cache?.type),
      ["EXACT", "EXACT"], again.text);
  });

  it("one failed item of eight sinks none of the others, and says why", async () => {
    const items = {};
    for (const name of ["ash", "birch", "cedar", "elm", "fir", "oak", "pine"]) {
      items[name] = { prompt: `a lone ${name} tree on a hill` };
    }
    items.bad = { prompt: "simulate:refuse" };
    const { status, json } = await post(gateway.url, { defaults: SMALL, items });
    assert.equal(status, 200);
    const all = Object.entries(json.items);
    assert.equal(all.filter(([, { images }]) => images?.length === 1).length, 7);
    assert.deepEqual(all.filter(([, item]) => item.error).map(([name]) => name), ["bad"]);
    assert.equal(json.items.bad.status, "failed");
    assert.equal(json.items.bad.error.code, "content_policy_violation");
    assert.match(json.items.bad.error.message, /safety system/);
  });

  it("without one done item has the first one's status", async () => {
    const reply = await post(gateway.url,
      { items: { a: { prompt: "simulate:refuse 1" }, b: { prompt: "simulate:error=503" } } });
    assert.equal(reply.status, 400);
    assert.equal(reply.json.counts.failed, 2);
    assert.equal(reply.json.items.b.status, "failed");
  });

  it("generates repeats and rephrasings once", async () => {
    const before = await calls();
    const { json } = await post(gateway.url, {
      defaults: SMALL,
      items: {
        one: { prompt: "two grey wolves in the snow" },
        same: { prompt: "two grey wolves in the snow" },
        other: { prompt: "please draw 2 gray wolves in snow" },
        new: { prompt: "two blue parrots in a jungle" },
      },
    });
    assert.equal(await calls() - before, 2);
    const of = (name) => json.items[name].images[0].name;
    assert.equal(new Set([of("one"), of("same"), of("other")]).size, 1);
    assert.notEqual(of("new"), of("one"));
  });
});

describe("a batch that cannot be", () => {
  const wrong = [
    ["an unknown template name", { items: { a: { prompt: "for {{clent}}" } }, variables: { client: "x" } },
      "items.a.variables", /\{\{clent\}\}.*there are client/],
    ["no items", { items: {} }, "items", /missing or empty/],
    ["too many items", { items: Array.from({ length: 61 }, (_, i) => ({ name: `n${i}`, prompt: "x" })) },
      "items", /batches\.items/],
    ["two of a name", { items: [{ name: "a", prompt: "x" }, { name: "a", prompt: "y" }] }, "items.a", /two items/],
    ["a name that is a path", { items: { "../a": { prompt: "x" } } }, "items", /letters, digits/],
    ["an item that cannot be read", { items: { a: { prompt: "x", size: "big" } } }, "items.a.size", /item 'a'/],
    ["an unknown member", { items: { a: { prompt: "x" } }, colour: 1 }, "colour", /unknown member/],
    ["a webhook nobody waits for", { items: { a: { prompt: "x" } }, webhook: { url: "http://127.0.0.1/", secret: "s" } },
      "webhook", /background/],
    ["a webhook without a secret", { mode: "background", items: { a: { prompt: "x" } }, webhook: { url: "http://127.0.0.1/" } },
      "webhook.secret", /signed/],
    ["nothing to keep", { mode: "background", items: { a: { prompt: "x", cache: { "no-store": true } } } },
      "items.a.cache", /wait/],
  ];
  for (const [name, body, param, message] of wrong) {
    it(`is refused before anything is made: ${name}`, async () => {
      const before = await calls();
      const reply = await post(gateway.url, body);
      assert.equal(reply.status, 400, reply.text);
      assert.equal(reply.json.error.param, param);
      assert.match(reply.json.error.message, message);
      assert.equal(await calls(), before);
    });
  }

  it("private addresses are refused as webhooks unless a setting allows them", async () => {
    const careful = await startGateway({ upstream: simulator.url });
    const reply = await post(careful.url, { mode: "background", items: { a: { prompt: "x" } },
      webhook: { url: "http://127.0.0.1:1/", secret: "s" } });
    assert.equal(reply.status, 400);
    assert.match(reply.json.error.message, /batches\.private_webhooks/);
    await careful.stop();
  });
});

describe("a batch in the background", () => {
  it("answers at once, and is done some time later", async () => {
    const reply = await post(gateway.url, { mode: "background", defaults: SMALL,
      items: { boat: { prompt: "a paper boat" }, bad: { prompt: "simulate:refuse 2" } } });
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.json.state, "running");
    assert.equal(reply.header("location"), `/v1/batches/${reply.json.id}`);
    const batch = await settled(gateway.url, reply.json.id);
    assert.equal(batch.state, "done");
    assert.deepEqual(batch.counts, { total: 2, waiting: 0, done: 1, failed: 1, cancelled: 0 });
    assert.equal(batch.items.bad.error.code, "content_policy_violation");
    assert.equal((await fetch(batch.items.boat.images[0].url)).status, 200);

    const { json: images } = await call(gateway.url, `/v1/batches/${batch.id}/images`);
    assert.deepEqual(images.data.map(({ item, url }) => [item, url]),
      [["boat", batch.items.boat.images[0].url]]);
    const { json: list } = await call(gateway.url, "/v1/batches?limit=1");
    assert.deepEqual(list.data.map(({ id }) => id), [batch.id]);
    assert.deepEqual(list.data[0].counts, batch.counts);
    const { json: older } = await call(gateway.url, `/v1/batches?before=${batch.id}`);
    assert.ok(older.data.every(({ id }) => id !== batch.id));
  });

  it("one that nobody has is a 404 on every route", async () => {
    for (const path of ["", "/images", "/events"]) {
      assert.equal((await call(gateway.url, `/v1/batches/batch_0${path}`)).status, 404);
    }
    assert.equal((await call(gateway.url, "/v1/batches/batch_0", { method: "DELETE" })).status, 404);
  });

  it("tells its progress as events, which resume where a client left", async () => {
    const items = Object.fromEntries(
      ["owl", "fox", "bear", "newt"].map((name) => [name, { prompt: `a portrait of a ${name}` }]));
    const { json: { id } } = await post(gateway.url, { mode: "background", defaults: SMALL, items });
    const first = await events(gateway.url, id, { stopAfter: 2 });
    assert.deepEqual(first.map(({ id }) => id), [1, 2]);
    const rest = await events(gateway.url, id, { last: 2 });
    assert.deepEqual(rest.map(({ id, event }) => [id, event]),
      [[3, "item"], [4, "item"], [5, "end"]]);
    const told = [...first, ...rest].filter(({ event }) => event === "item").map(({ data }) => data);
    assert.deepEqual(told.map(({ item }) => item).sort(), ["bear", "fox", "newt", "owl"]);
    assert.ok(told.every(({ status, images }) => status === "done" && images[0].url));
    assert.deepEqual(rest.at(-1).data.counts.done, 4);
    // The same again for whoever comes late, and nothing for who has seen all.
    assert.deepEqual((await events(gateway.url, id)).map(({ data }) => data.item),
      [...told.map(({ item }) => item), undefined]);
    const none = await call(gateway.url, `/v1/batches/${id}/events`, { headers: { "Last-Event-ID": "5" } });
    assert.equal(none.status, 204);
    assert.equal(none.header("content-length"), null);
    const head = await call(gateway.url, `/v1/batches/${id}/events`, { method: "HEAD" });
    assert.deepEqual([head.status, head.text, head.header("content-length"), head.header("content-type")],
      [200, "", null, "text/event-stream; charset=utf-8"]);
    const nonsense = await call(gateway.url, `/v1/batches/${id}/events`, { headers: { "Last-Event-ID": "x" } });
    assert.equal(nonsense.status, 400);
  });

  it("cancelled, begins nothing more and keeps what is under way", async () => {
    const narrow = await startGateway({ upstream: simulator.url, config: "batches: {concurrency: 1}\n" });
    const items = Object.fromEntries(
      Array.from({ length: 5 }, (_, i) => [`n${i}`, { prompt: `${i + 2} marbles on a table` }]));
    const before = await calls();
    const { json: { id } } = await post(narrow.url, { mode: "background", defaults: SMALL, items });
    while (await calls() === before) await new Promise((done) => setTimeout(done, 5));
    const cancelled = await call(narrow.url, `/v1/batches/${id}`, { method: "DELETE" });
    assert.equal(cancelled.status, 200);
    const batch = await settled(narrow.url, id);
    assert.equal(batch.state, "cancelled");
    const made = await calls() - before;
    assert.deepEqual(batch.counts,
      { total: 5, waiting: 0, done: made, failed: 0, cancelled: 5 - made });
    assert.ok(made >= 1 && made < 5, `${made} made`);
    // Again: nothing changes.
    assert.equal((await call(narrow.url, `/v1/batches/${id}`, { method: "DELETE" })).json.state, "cancelled");
    await narrow.stop();
  });
});

describe("a webhook", () => {
  it("is signed, tried again until it is taken, and its secret never shown", async () => {
    const taken = [];
    let deliveries = 0;
    const server = createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        taken.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        response.writeHead(++deliveries === 1 ? 503 : 204).end();
      });
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const secret = "correct horse";
    const { json: { id }, text } = await post(gateway.url, {
      mode: "background", defaults: SMALL, items: { a: { prompt: "a signed letter" } },
      webhook: { url: `http://127.0.0.1:${server.address().port}/hook`, secret },
    });
    let batch;
    do {
      batch = (await call(gateway.url, `/v1/batches/${id}`)).json;
      await new Promise((done) => setTimeout(done, 10));
    } while (batch.webhook.state === "pending");
    assert.deepEqual([batch.webhook.state, batch.webhook.attempts], ["delivered", 2]);
    assert.equal(taken.length, 2);
    for (const { headers, body } of taken) {
      const mac = createHmac("sha256", secret).update(`${headers["x-reprise-timestamp"]}.${body}`);
      assert.equal(headers["x-reprise-signature"], `sha256=${mac.digest("hex")}`);
      const state = JSON.parse(body);
      assert.deepEqual([state.id, state.state, state.items.a.status], [id, "done", "done"]);
      assert.equal((await fetch(state.items.a.images[0].url)).status, 200);
    }
    for (const shown of [text, JSON.stringify(batch), taken[0].body]) {
      assert.ok(!shown.includes(secret));
    }
    await new Promise((done) => server.close(done));
  });
});
