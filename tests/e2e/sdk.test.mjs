// The clients people have, unmodified: OpenAI's SDK and curl.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { startGateway, startSimulator } from "./gateway.mjs";
import { decodePng } from "./png.mjs";

describe("OpenAI's SDK", () => {
  let simulator, gateway, client;
  before(async () => {
    simulator = await startSimulator();
    gateway = await startGateway({ upstream: simulator.url });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-any", maxRetries: 0 });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  const ask = async (prompt, more = {}) => {
    const { data, response } = await client.images
      .generate({ model: "gpt-image-1", prompt, size: "512x512", ...more }).withResponse();
    const kind = [response.headers.get("x-cache"), response.headers.get("x-cache-type")]
      .filter(Boolean).join(" ");
    return { reply: data, kind, headers: response.headers };
  };

  it("generates an image that decodes", async () => {
    const { reply, kind } = await ask("a red fox in the snow");
    assert.equal(kind, "MISS");
    const png = decodePng(Buffer.from(reply.data[0].b64_json, "base64"));
    assert.deepEqual([png.width, png.height], [512, 512]);
    assert.ok(Math.abs(reply.created - Date.now() / 1000) < 60);
    assert.ok(reply.usage.output_tokens > 0);
  });

  it("hits exactly, with the same bytes and no tokens used", async () => {
    const first = await ask("a red fox in the snow");
    const again = await ask("a red fox in the snow");
    assert.equal(again.kind, "HIT EXACT");
    assert.equal(again.reply.data[0].b64_json, first.reply.data[0].b64_json);
    assert.equal(again.reply.usage.total_tokens, 0);
    assert.equal((await simulator.calls()).image_calls, 1);
  });

  it("hits semantically", async () => {
    const exact = await ask("a red fox in the snow");
    const rephrased = await ask("A red fox in snow.");
    assert.equal(rephrased.kind, "HIT SEMANTIC");
    assert.equal(rephrased.reply.data[0].b64_json, exact.reply.data[0].b64_json);
    assert.ok(Number(rephrased.headers.get("x-reprise-similarity")) >= 0.85);
  });

  it("does not answer a blue fox with a red one", async () => {
    const { kind, headers } = await ask("a blue fox in the snow");
    assert.equal(kind, "MISS");
    assert.match(headers.get("x-reprise-reason"), /^colour: /);
  });

  it("gives links that work", async () => {
    const { reply } = await ask("a red fox in the snow", { response_format: "url" });
    const image = await fetch(reply.data[0].url);
    assert.equal(image.headers.get("content-type"), "image/png");
    assert.equal(decodePng(Buffer.from(await image.arrayBuffer())).width, 512);
  });

  it("answers dall-e models with links unless asked otherwise, as OpenAI does", async () => {
    const { reply } = await ask("a harbour at night", { model: "dall-e-3" });
    assert.ok(reply.data[0].url.startsWith(gateway.url));
    assert.equal(reply.data[0].revised_prompt, "a harbour at night");
  });

  it("gives several images, and rotates through them", async () => {
    const { reply } = await ask("three kites on a beach", { n: 3 });
    const images = reply.data.map((image) => image.b64_json);
    assert.equal(new Set(images).size, 3);
    const repeats = [];
    for (let i = 0; i < 3; i++) repeats.push((await ask("three kites on a beach")).reply.data[0].b64_json);
    assert.deepEqual(new Set(repeats), new Set(images));
  });

  it("throws the SDK's own errors", async () => {
    await assert.rejects(ask("simulate:refuse"), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.code, "content_policy_violation");
      return true;
    });
    await assert.rejects(ask("a fox", { model: "no-such-model" }), OpenAI.NotFoundError);
    await assert.rejects(ask("a fox", { n: 11 }), (error) => error.param === "n");
  });

  it("creates embeddings from the simulator", async () => {
    const embedder = new OpenAI({ baseURL: simulator.url, apiKey: "any" });
    const { data } = await embedder.embeddings.create({ model: "simulated", input: ["a", "b"] });
    assert.equal(data.length, 2);
    const length = Math.hypot(...data[0].embedding);
    assert.ok(Math.abs(length - 1) < 1e-3, `length ${length}`);
  });
});

describe("curl", () => {
  let gateway;
  before(async () => { gateway = await startGateway({ config: "simulator: {latency: 10ms}" }); });
  after(() => gateway.stop());

  const curl = (...args) => execFileSync("curl", ["-sS", ...args], { maxBuffer: 1 << 26 });

  it("misses, hits and fetches the image", () => {
    const post = () => curl("-i", `${gateway.url}/v1/images/generations`,
      "-H", "Content-Type: application/json",
      "-d", '{"prompt": "a paper boat", "size": "256x256", "response_format": "url"}').toString();
    assert.match(post(), /^HTTP\/1\.1 200 [\s\S]*X-Cache: MISS/);
    const hit = post();
    assert.match(hit, /X-Cache: HIT\r\nX-Cache-Type: EXACT/);
    const { url } = JSON.parse(hit.slice(hit.indexOf("\r\n\r\n"))).data[0];
    assert.equal(decodePng(curl(url)).width, 256);
  });

  it("is answered when it waits for 100 Continue", () => {
    const body = JSON.stringify({ prompt: "a paper boat", size: "256x256", pad: "x".repeat(4096) });
    const reply = curl(`${gateway.url}/v1/images/generations`, "-H", "Expect: 100-continue",
      "-H", "Content-Type: application/json", "-d", body);
    assert.ok(JSON.parse(reply).data[0].b64_json);
  });
});
