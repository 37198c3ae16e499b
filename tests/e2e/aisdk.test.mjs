// Vercel's AI SDK, unmodified.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { experimental_generateImage as generateImage } from "ai";
import { startGateway, startSimulator } from "./gateway.mjs";
import { decodePng } from "./png.mjs";

describe("Vercel's AI SDK", () => {
  let simulator, gateway, openai;
  before(async () => {
    simulator = await startSimulator();
    gateway = await startGateway({ upstream: simulator.url });
    openai = createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-any" });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  const ask = async (prompt, more = {}) => {
    const { image, images, responses } = await generateImage({
      model: openai.image("gpt-image-1"), prompt, size: "512x512", maxRetries: 0, ...more });
    const { headers } = responses[0];
    return {
      image, images,
      kind: [headers["x-cache"], headers["x-cache-type"]].filter(Boolean).join(" "),
    };
  };

  it("misses, hits exactly, and in other words", async () => {
    const miss = await ask("a red fox in the snow");
    assert.equal(miss.kind, "MISS");
    assert.equal(miss.image.mediaType, "image/png");
    assert.equal(decodePng(Buffer.from(miss.image.uint8Array)).width, 512);
    const hit = await ask("a red fox in the snow");
    assert.equal(hit.kind, "HIT EXACT");
    assert.equal(hit.image.base64, miss.image.base64);
    assert.equal((await ask("A red fox in snow.")).kind, "HIT SEMANTIC");
    assert.equal((await simulator.calls()).image_calls, 1);
  });

  it("gives several images", async () => {
    const { images } = await ask("three kites on a beach", { n: 3 });
    assert.equal(new Set(images.map(({ base64 }) => base64)).size, 3);
  });

  it("passes options on, which shape the image", async () => {
    const options = { providerOptions: { openai: { quality: "high" } } };
    assert.equal((await ask("a harbour at night", options)).kind, "MISS");
    assert.equal((await ask("a harbour at night", options)).kind, "HIT EXACT");
    assert.equal((await ask("a harbour at night")).kind, "MISS");
  });

  it("throws the SDK's own errors", async () => {
    await assert.rejects(ask("simulate:refuse"), (error) => error.statusCode === 400);
  });
});
