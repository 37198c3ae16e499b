// Many at once: one generation for equal requests, bounded calls for different ones.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, describe, it } from "node:test";
import { generate, startGateway, startSimulator } from "./gateway.mjs";

// fetch() opens as many connections as there are requests, which is what is wanted here, but an
// agent of its own keeps them apart from other tests.
function post(url, body) {
  const agent = new Agent({ maxSockets: Infinity });
  return new Promise((done, fail) => {
    const sent = request(`${url}/v1/images/generations`,
      { method: "POST", agent, headers: { "Content-Type": "application/json" } }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          agent.destroy();
          done({ status: response.statusCode, body: Buffer.concat(chunks).toString(),
            type: response.headers["x-cache-type"] ?? response.headers["x-cache"],
            reason: response.headers["x-reprise-reason"],
            similarity: response.headers["x-reprise-similarity"] });
        });
      });
    sent.on("error", fail);
    sent.end(JSON.stringify(body));
  });
}

// One text in a thousand guises that ask for the same picture.
function rephrasings(count) {
  const all = [];
  for (const ending of ["", ".", "!", ", 8k", ", highly detailed", ", masterpiece", ", 4k."]) {
    for (const opening of ["", "please draw ", "Please draw ", "draw me ", "Generate ",
      "Generate an image of ", "an image of ", "I want "]) {
      for (const two of ["two", "2", "Two"]) {
        for (const grey of ["gray", "grey"]) {
          for (const place of ["in the snow", "in snow", "in the  snow"]) {
            all.push(`${opening}${two} ${grey} wolves ${place}${ending}`);
          }
        }
      }
    }
  }
  assert.equal(new Set(all).size, all.length);
  return all.slice(0, count);
}

describe("many at once", () => {
  let simulator, gateway;
  before(async () => {
    simulator = await startSimulator({ latency: "1500ms" });
    gateway = await startGateway({
      upstream: simulator.url, config: "upstream: {concurrency: 16, queue: 1000}",
    });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  it("1,000 equal requests: one upstream call, 1,000 equal replies", async () => {
    const body = { prompt: "a thousand lanterns", size: "256x256" };
    const replies = await Promise.all(Array.from({ length: 1000 }, () => post(gateway.url, body)));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    const images = new Set(replies.map((reply) => JSON.parse(reply.body).data[0].b64_json));
    assert.equal(images.size, 1);
    assert.equal((await simulator.calls()).image_calls, 1);
    const kinds = replies.map(({ type }) => type);
    assert.equal(kinds.filter((kind) => kind === "MISS").length, 1);
    assert.equal(kinds.filter((kind) => kind === "INFLIGHT" || kind === "EXACT").length, 999);
  });

  it("1,000 rephrasings: at most three upstream calls", async () => {
    const before = await simulator.calls();
    const texts = rephrasings(1000);
    assert.equal(texts.length, 1000);
    const replies = await Promise.all(
      texts.map((prompt) => post(gateway.url, { prompt, size: "256x256" })));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    const calls = (await simulator.calls()).image_calls - before.image_calls;
    assert.ok(calls <= 3, `${calls} calls`);
    const images = new Set(replies.map((reply) => JSON.parse(reply.body).data[0].b64_json));
    assert.equal(images.size, calls);
    const kinds = replies.map(({ type }) => type);
    assert.equal(kinds.filter((kind) => kind === "MISS").length, calls);
    for (const { type, reason, similarity } of replies) {
      if (type !== "INFLIGHT") continue;
      assert.notEqual(reason, "in flight");
      assert.ok(Number(similarity) >= 0.85, similarity);
    }
  });

  it("200 different prompts: no error, and no more calls at once than allowed", async () => {
    const before = await simulator.calls();
    const replies = await Promise.all(Array.from({ length: 200 }, (_, i) =>
      generate(gateway.url, { prompt: `ship number ${i}`, size: "64x64" })));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(replies.map(({ text }) => text)).size, 200);
    const after = await simulator.calls();
    assert.equal(after.image_calls - before.image_calls, 200);
    assert.equal(after.most_at_once, 16);
  });

  it("a request that waits for a failing generation gets its error", async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () =>
      generate(gateway.url, { prompt: "simulate:refuse", size: "64x64" })));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([400]));
    assert.deepEqual(new Set(replies.map(({ json }) => json.error.code)),
      new Set(["content_policy_violation"]));
  });

  it("several images are made once for everybody who wants them", async () => {
    const before = await simulator.calls();
    const body = { prompt: "a set of stamps", size: "64x64", n: 2 };
    const replies = await Promise.all(Array.from({ length: 30 }, () => generate(gateway.url, body)));
    for (const { json } of replies) assert.equal(json.data.length, 2);
    assert.equal((await simulator.calls()).images - before.images, 2);
  });
});

describe("a full queue", () => {
  let simulator, gateway;
  before(async () => {
    simulator = await startSimulator({ latency: "1s" });
    gateway = await startGateway({
      upstream: simulator.url, config: "upstream: {concurrency: 1, queue: 1}",
    });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  it("says so with 503 and Retry-After, while hits go on", async () => {
    await generate(gateway.url, { prompt: "a stored kettle", size: "64x64" });
    const replies = await Promise.all(Array.from({ length: 8 }, (_, i) =>
      generate(gateway.url, { prompt: `kettle number ${i}`, size: "64x64" })));
    const refused = replies.filter(({ status }) => status === 503);
    assert.equal(refused.length, 6);
    assert.equal(refused[0].header("retry-after"), "1");
    const hit = await generate(gateway.url, { prompt: "a stored kettle", size: "64x64" });
    assert.equal(hit.cache, "HIT EXACT");
  });
});
