// The native API: POST /v1/generate.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { generate, imageInfo, startGateway, startSimulator } from "./gateway.mjs";

let simulator, gateway, url;
before(async () => {
  simulator = await startSimulator({ latency: "5ms" });
  gateway = await startGateway({ upstream: simulator.url });
  url = gateway.url;
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
});

const calls = async () => (await simulator.calls()).image_calls;

async function native(body, headers = {}) {
  const response = await fetch(`${url}/v1/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, header: (name) => response.headers.get(name),
    json: await response.json() };
}

const download = async (link) => Buffer.from(await (await fetch(link)).arrayBuffer());

describe("POST /v1/generate", () => {
  it("generates, then answers the same and its rephrasing from the cache", async () => {
    const body = { prompt: "a red fox in the snow", size: "256x256", tags: ["hero"], category: "animals" };
    const first = await native(body);
    assert.equal(first.status, 200);
    assert.equal(first.json.cache.status, "MISS");
    assert.equal(first.json.cache.stored, true);
    const [image] = first.json.images;
    assert.deepEqual([image.media_type, image.width, image.height], ["image/png", 256, 256]);
    assert.equal(image.url, `${url}/images/${image.name}`);
    assert.deepEqual(imageInfo(await download(image.url)), { type: "png", width: 256, height: 256 });

    const before = await calls();
    const again = await native(body);
    assert.deepEqual([again.json.cache.status, again.json.cache.type], ["HIT", "EXACT"]);
    assert.equal(again.json.entry, first.json.entry);
    assert.deepEqual(again.json.images, first.json.images);
    assert.ok(again.json.cache.saved_usd > 0);

    const other = await native({ ...body, prompt: "A red fox in snow." });
    assert.deepEqual([other.json.cache.status, other.json.cache.type], ["HIT", "SEMANTIC"]);
    assert.equal(other.json.entry, first.json.entry);
    assert.ok(other.json.cache.similarity >= other.json.cache.threshold);
    assert.ok(other.json.cache.sentence.length > 0);
    assert.equal(await calls(), before);
  });

  it("says the same in its headers as every surface", async () => {
    const { json, header } = await native({ prompt: "a green heron" });
    assert.equal(header("x-cache"), json.cache.status);
    assert.equal(Number(header("x-reprise-entry")), json.entry);
    assert.equal(header("x-reprise-reason"), json.cache.reason);
    assert.equal(header("x-reprise-bucket"), json.cache.bucket);
    assert.match(header("cache-status"), /^Reprise; fwd=uri-miss; stored/);
  });

  it("shares what OpenAI's clients have stored", async () => {
    const body = { prompt: "a lighthouse at dusk", size: "256x256" };
    assert.equal((await generate(url, body)).cache, "MISS");
    const reply = await native({ ...body, tags: ["later"] });
    assert.equal(reply.json.cache.type, "EXACT");
  });

  it("gives bytes and several images on request, in the size that was cut", async () => {
    const body = { prompt: "a windmill", size: "512x512", n: 2, response_format: "b64_json" };
    const { json } = await native(body);
    assert.equal(json.images.length, 2);
    for (const image of json.images) {
      assert.equal(imageInfo(Buffer.from(image.b64_json, "base64")).width, 512);
    }
    const cut = await native({ prompt: "a windmill", size: "400x400", output_format: "jpeg" });
    const [image] = cut.json.images;
    assert.equal(cut.json.cache.type, "SEMANTIC");
    assert.deepEqual([image.media_type, image.width, image.height], ["image/jpeg", 400, 400]);
    assert.deepEqual(imageInfo(await download(image.url)), { type: "jpeg", width: 400, height: 400 });
  });

  it("options it does not know shape the image; preferences do too", async () => {
    const body = { prompt: "a copper kettle", size: "256x256" };
    await native(body);
    for (const more of [{ steps: 30 }, { quality: "high" }, { prefer: "speed" }]) {
      assert.equal((await native({ ...body, ...more })).json.cache.status, "MISS", JSON.stringify(more));
      assert.equal((await native({ ...body, ...more })).json.cache.type, "EXACT", JSON.stringify(more));
    }
  });

  it("knows the cache options", async () => {
    const body = { prompt: "a secret garden", cache: { "no-store": true } };
    const reply = await native(body);
    assert.equal(reply.json.entry, null);
    assert.equal(reply.json.images[0].name, null);
    assert.match(reply.json.images[0].url, /^data:image\/png;base64,/);
    const none = await native({ ...body, cache: { "only-if-cached": true } });
    assert.equal(none.status, 504);
    assert.equal(none.header("x-cache"), "MISS");
  });

  it("errors name the parameter", async () => {
    for (const [body, param] of [[{}, "prompt"], [{ prompt: "a", tags: "b" }, "tags"],
      [{ prompt: "a", prefer: "luck" }, "prefer"], [{ prompt: "a", size: "big" }, "size"],
      [{ prompt: "a", cache: { nonsense: 1 } }, "cache.nonsense"]]) {
      const { status, json } = await native(body);
      assert.equal(status, 400);
      assert.equal(json.error.param, param, JSON.stringify(json));
    }
    assert.equal((await native({ prompt: "a" }, { "Content-Type": "text/plain" })).status, 415);
  });
});
