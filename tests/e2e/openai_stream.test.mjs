// Streamed images through OpenAI's SDK and as bytes on the wire.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { generate, startGateway, startSimulator } from "./gateway.mjs";
import { decodePng } from "./png.mjs";

describe("streamed generations", () => {
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

  const stream = async (prompt, more = {}) => {
    const { data, response } = await client.images.generate({
      model: "gpt-image-1", prompt, size: "256x256", stream: true, partial_images: 2, ...more,
    }).withResponse();
    const events = [];
    for await (const event of data) events.push(event);
    const kind = [response.headers.get("x-cache"), response.headers.get("x-cache-type")]
      .filter(Boolean).join(" ");
    return { events, kind, headers: response.headers };
  };

  it("sends a miss's finished image, then replays it with its partials", async () => {
    const miss = await stream("a red fox in the snow");
    assert.equal(miss.kind, "MISS");
    assert.deepEqual(miss.events.map(({ type }) => type), ["image_generation.completed"]);
    const image = miss.events[0].b64_json;
    assert.equal(decodePng(Buffer.from(image, "base64")).width, 256);
    assert.ok(miss.events[0].usage.output_tokens > 0);

    const hit = await stream("a red fox in the snow");
    assert.equal(hit.kind, "HIT EXACT");
    assert.deepEqual(hit.events.map(({ type }) => type), [
      "image_generation.partial_image", "image_generation.partial_image",
      "image_generation.completed"]);
    assert.deepEqual(hit.events.map((event) => event.partial_image_index), [0, 1, undefined]);
    assert.ok(hit.events.every((event) => event.b64_json === image));
    assert.equal(hit.events[2].usage.total_tokens, 0);
    assert.equal(hit.events[2].output_format, "png");

    assert.equal((await stream("A red fox in snow.")).kind, "HIT SEMANTIC");
    assert.equal((await simulator.calls()).image_calls, 1);
  });

  it("shares what is stored with plain replies", async () => {
    const plain = await generate(gateway.url, { prompt: "a red fox in the snow", size: "256x256" });
    assert.equal(plain.cache, "HIT EXACT");
    const { events } = await stream("a red fox in the snow", { partial_images: 0 });
    assert.deepEqual(events.map(({ b64_json }) => b64_json), [plain.json.data[0].b64_json]);
  });

  it("sends every image of several, and the usage once", async () => {
    const { events } = await stream("three kites on a beach", { n: 3 });
    assert.equal(new Set(events.map(({ b64_json }) => b64_json)).size, 3);
    assert.equal(events.filter(({ usage }) => usage).length, 1);
  });

  it("fails before the first event with an ordinary error and its status", async () => {
    await assert.rejects(stream("simulate:refuse"), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.code, "content_policy_violation");
      return true;
    });
    await assert.rejects(stream("a fox", { partial_images: 4 }),
      (error) => error.param === "partial_images");
    const response = await generate(gateway.url,
      { prompt: "simulate:error=503", stream: true, size: "256x256" });
    assert.equal(response.status, 502);
    assert.match(response.header("content-type"), /^application\/json/);
    assert.equal(response.cache, "MISS");
  });

  it("is an event stream on the wire", async () => {
    const response = await fetch(`${gateway.url}/v1/images/generations`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a red fox in the snow", size: "256x256", stream: true }),
    });
    assert.match(response.headers.get("content-type"), /^text\/event-stream/);
    assert.equal(response.headers.get("x-cache"), "HIT");
    const text = await response.text();
    assert.match(text, /^event: image_generation\.completed\ndata: \{.*\}\n\n$/);
  });
});
