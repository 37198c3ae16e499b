// The bugs that deployments of this idea are known for, one test each.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { generate, imageInfo, scratch, startGateway, startSimulator } from "./gateway.mjs";

describe("bugs of the precedent", () => {
  let simulator, gateway, url, data;
  before(async () => {
    data = scratch();
    simulator = await startSimulator({ latency: "1ms" });
    gateway = await startGateway({ data: data.path, upstream: simulator.url });
    url = gateway.url;
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
    data.remove();
  });

  const ask = (prompt, more = {}, headers = {}) =>
    generate(url, { prompt, size: "256x256", ...more }, headers);

  it("prompts in any script stay apart and are never empty", async () => {
    const prompts = ["красная машина", "赤い車", "سيارة حمراء", "빨간 자동차", "pequeño gato", "🚗", "!!!", "???"];
    const images = new Set();
    for (const prompt of prompts) {
      const reply = await ask(prompt);
      assert.equal(reply.cache, "MISS", prompt);
      images.add(reply.bytes.toString("base64"));
    }
    assert.equal(images.size, prompts.length);
    assert.equal((await ask("КРАСНАЯ машина!")).cache, "HIT SEMANTIC");
    const stats = await gateway.stats();
    assert.equal(stats.vectors, stats.entries);
  });

  it("input images are told apart by their bytes, not by how they begin", async () => {
    // References travel as parameters here; all of them shape the identity, to the last character.
    const prefix = `data:image/png;base64,${"A".repeat(200)}`;
    await ask("put a hat on it", { image: `${prefix}B` });
    assert.equal((await ask("put a hat on it", { image: `${prefix}C` })).cache, "MISS");
    assert.equal((await ask("put a hat on it", { image: `${prefix}B` })).cache, "HIT EXACT");
  });

  it("the model is part of the partition", async () => {
    await ask("a brass telescope", { model: "gpt-image-1" });
    assert.equal((await ask("the brass telescope", { model: "gpt-image-1" })).cache, "HIT SEMANTIC");
    assert.equal((await ask("the brass telescope", { model: "gpt-image-1-mini" })).cache, "MISS");
    assert.equal((await ask("a brass telescope", { model: "dall-e-2" })).cache, "MISS");
  });

  it("the exact key does not collide as a 32-bit hash does", async () => {
    // "codding" and "gnu" collide under CRC-32, the second pair under Java's String.hashCode.
    for (const [a, b] of [["codding", "gnu"], ["Aa BB", "BB Aa"]]) {
      const first = await ask(a), second = await ask(b, { cache: { mode: "exact" } });
      assert.equal(second.cache, "MISS");
      assert.notDeepEqual(first.bytes, second.bytes);
    }
  });

  it("requests without a seed share images, seeds stay apart, and -1 always makes a new one", async () => {
    await ask("a wooden duck");
    assert.equal((await ask("a wooden duck")).cache, "HIT EXACT");
    assert.equal((await ask("a wooden duck", { seed: 1 })).cache, "MISS");
    assert.equal((await ask("a wooden duck", { seed: 2 })).cache, "MISS");
    assert.equal((await ask("a wooden duck", { seed: 1 })).cache, "HIT EXACT");
    const images = new Set();
    for (let i = 0; i < 3; i++) {
      const reply = await ask("a wooden duck", { seed: -1 });
      assert.equal(reply.cache, "BYPASS");
      assert.ok(reply.header("x-reprise-entry"), "it is stored");
      images.add(reply.bytes.toString("base64"));
    }
    assert.equal(images.size, 3);
  });

  it("short prompts are not matched more loosely", async () => {
    for (const [a, b] of [["a cat", "a dog"], ["cat", "cats"], ["blue", "grey"], ["2", "3"],
      ["a blue car", "a grey car"], ["a blue sports car on the road", "a grey sports car on the road"],
      ["a highly detailed photo of a blue sports car parked by a white house at noon",
        "a highly detailed photo of a grey sports car parked by a white house at noon"],
      ["turn on the light", "turn off the light"]]) {
      await ask(a);
      assert.equal((await ask(b)).cache, "MISS", `${a} / ${b}`);
    }
  });

  it("no vector is served whose image is gone", async () => {
    await ask("a glass bell");
    const blobs = join(data.path, "blobs");
    // Replacing removes the old bytes; the rephrasing must get the new ones.
    const fresh = await ask("a glass bell", { cache: { "no-cache": true } });
    const rephrased = await ask("the glass bell");
    assert.equal(rephrased.cache, "HIT SEMANTIC");
    assert.deepEqual(rephrased.bytes, fresh.bytes);
    assert.ok(statSync(blobs).isDirectory());
  });

  it("neither client address, user agent, user id nor key is stored", async () => {
    await ask("a quiet library", { user: "user-id-5731" },
      { "User-Agent": "agent-9912", Authorization: "Bearer key-4471", "X-Forwarded-For": "203.0.113.77" });
    const files = readdirSync(data.path, { recursive: true }).map((name) => join(data.path, name));
    for (const file of files.filter((path) => statSync(path).isFile())) {
      const text = readFileSync(file).toString("latin1");
      for (const secret of ["user-id-5731", "agent-9912", "key-4471", "203.0.113.77"]) {
        assert.ok(!text.includes(secret), `${secret} in ${file}`);
      }
    }
    assert.ok(!gateway.process.log.includes("203.0.113.77"));
  });

  it("all n images are cached, not one of them", async () => {
    const first = await ask("four tea cups", { n: 4 });
    const again = await ask("four tea cups", { n: 4 });
    assert.equal(again.cache, "HIT EXACT");
    const images = (reply) => new Set(reply.json.data.map(({ b64_json }) => b64_json));
    assert.deepEqual(images(again), images(first));
    assert.equal(images(again).size, 4);
  });

  it("a cached image is never stretched", async () => {
    await ask("a long pier", { size: "1024x1024" });
    const reply = await ask("a long pier", { size: "960x900" });
    assert.equal(reply.cache, "HIT SEMANTIC");
    const { width, height } = imageInfo(reply.bytes);
    assert.deepEqual([width, height], [960, 900]);  // cover and crop; unit tests compare the pixels
    assert.equal((await ask("a long pier", { size: "1024x512" })).cache, "MISS");
  });

  it("two replies in the same moment never overwrite one another", async () => {
    const links = await Promise.all(Array.from({ length: 8 }, (_, i) =>
      ask(`postcard number ${i}`, { response_format: "url" })));
    const urls = new Set(links.map(({ json }) => json.data[0].url));
    assert.equal(urls.size, 8);
    const bodies = await Promise.all([...urls].map(async (link) =>
      Buffer.from(await (await fetch(link)).arrayBuffer()).toString("base64")));
    assert.equal(new Set(bodies).size, 8);
  });
});
