// Edits and variations: forms with images, through OpenAI's SDK and as bytes on the wire.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import OpenAI, { toFile } from "openai";
import { generate, startGateway, startSimulator } from "./gateway.mjs";
import { decodePng } from "./png.mjs";

const kind = (response) => [response.headers.get("x-cache"), response.headers.get("x-cache-type")]
  .filter(Boolean).join(" ");

describe("edits", () => {
  let simulator, gateway, client, cat, dog;
  before(async () => {
    simulator = await startSimulator();
    gateway = await startGateway({ upstream: simulator.url });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-any", maxRetries: 0 });
    const draw = async (prompt) =>
      (await generate(simulator.url.replace("/v1", ""), { model: "gpt-image-1", prompt, size: "256x256" })).bytes;
    [cat, dog] = [await draw("a cat"), await draw("a dog")];
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  const edit = async (images, prompt, more = {}) => {
    const files = await Promise.all(images.map((bytes, i) =>
      toFile(bytes, `${i}.png`, { type: "image/png" })));
    const { data, response } = await client.images.edit({
      model: "gpt-image-1", image: files.length === 1 ? files[0] : files, prompt, size: "256x256",
      ...more,
    }).withResponse();
    return { reply: data, kind: kind(response) };
  };

  it("misses, then hits exactly, and in other words for the same image only", async () => {
    const miss = await edit([cat], "give it a red hat");
    assert.equal(miss.kind, "MISS");
    const image = miss.reply.data[0].b64_json;
    assert.equal(decodePng(Buffer.from(image, "base64")).width, 256);
    const hit = await edit([cat], "give it a red hat");
    assert.equal(hit.kind, "HIT EXACT");
    assert.equal(hit.reply.data[0].b64_json, image);
    assert.equal((await edit([cat], "Give it a red hat!")).kind, "HIT SEMANTIC");
    assert.equal((await edit([dog], "give it a red hat")).kind, "MISS");
  });

  it("tells several images, their order and a mask apart", async () => {
    assert.equal((await edit([cat, dog], "side by side")).kind, "MISS");
    assert.equal((await edit([cat, dog], "side by side")).kind, "HIT EXACT");
    assert.equal((await edit([dog, cat], "side by side")).kind, "MISS");
    const mask = await toFile(dog, "mask.png", { type: "image/png" });
    assert.equal((await edit([cat], "side by side", { mask })).kind, "MISS");
  });

  it("does not share with generations of the same prompt", async () => {
    const reply = await generate(gateway.url, { prompt: "give it a red hat", size: "256x256" });
    assert.equal(reply.cache, "MISS");
  });

  it("streams, a hit with its partials", async () => {
    const events = [];
    const { reply } = await edit([cat], "give it a red hat", { stream: true, partial_images: 1 });
    for await (const event of reply) events.push(event.type);
    assert.deepEqual(events, ["image_edit.partial_image", "image_edit.completed"]);
  });

  it("throws the SDK's own errors", async () => {
    await assert.rejects(edit([Buffer.from("<html>no image</html>")], "x"), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "image");
      assert.match(error.message, /is HTML/);
      return true;
    });
    await assert.rejects(edit(Array(17).fill(cat), "x"), /more than 16 images/);
    await assert.rejects(edit([cat], "simulate:refuse"),
      (error) => error.code === "content_policy_violation");
  });

  it("takes images larger than 4 MB", async () => {
    const large = Buffer.concat([dog, Buffer.alloc(10 << 20)]);
    assert.equal((await edit([large], "give it a large hat")).kind, "MISS");
    assert.equal((await edit([large], "give it a large hat")).kind, "HIT EXACT");
    const larger = Buffer.alloc(11 << 20, dog);
    await assert.rejects(edit([larger, larger, larger], "give it a large hat"),
      (error) => error.status === 413 && /limits\.body/.test(error.message));
  });

  it("refuses broken forms with a 400, and other types with a 415", async () => {
    const post = (body, type) => fetch(`${gateway.url}/v1/images/edits`,
      { method: "POST", headers: { "Content-Type": type }, body });
    const form = "multipart/form-data; boundary=b";
    const part = (name, value) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    for (const [body, message] of [
      ["", /boundary/],
      [part("prompt", "a"), /cut off/],
      [`${part("prompt", "a")}--b--`, /'image' is missing/],
      [`${part("prompt", "a").repeat(2)}--b--`, /given twice/],
    ]) {
      const response = await post(body, form);
      assert.equal(response.status, 400);
      assert.match((await response.json()).error.message, message);
    }
    assert.equal((await post(`${part("x", "").repeat(500)}--b--`, form)).status, 413);
    assert.equal((await post("{}", "application/json")).status, 415);
    assert.equal((await post(part("prompt", "a"), "multipart/form-data")).status, 400);
  });
});

describe("variations", () => {
  let upstream, gateway, client, picture, calls = 0;
  before(async () => {
    const simulator = await startSimulator();
    picture = (await generate(simulator.url.replace("/v1", ""),
      { model: "gpt-image-1", prompt: "a cat", size: "256x256" })).bytes;
    await simulator.stop();
    upstream = createServer((request, response) => {
      request.resume().on("end", () => {
        ++calls;
        response.setHeader("Content-Type", "application/json");
        response.end(JSON.stringify({ created: 1, data: [{ b64_json: picture.toString("base64") }] }));
      });
    });
    await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
    gateway = await startGateway(
      { upstream: `http://127.0.0.1:${upstream.address().port}/v1` });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-any", maxRetries: 0 });
  });
  after(async () => {
    await gateway.stop();
    upstream.close();
  });

  it("are made once for an image", async () => {
    const vary = async (bytes) => {
      const image = await toFile(bytes, "cat.png", { type: "image/png" });
      const { data, response } = await client.images.createVariation(
        { image, model: "dall-e-2", size: "256x256", response_format: "b64_json" }).withResponse();
      assert.equal(decodePng(Buffer.from(data.data[0].b64_json, "base64")).width, 256);
      return kind(response);
    };
    assert.equal(await vary(picture), "MISS");
    assert.equal(await vary(picture), "HIT EXACT");
    assert.equal(calls, 1);
    const other = Buffer.concat([picture, Buffer.from("\n")]);
    assert.equal(await vary(other), "MISS");
  });
});
