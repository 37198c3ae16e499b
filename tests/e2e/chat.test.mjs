// Chat completions: images through the cache, all else passed through to a real HTTP server.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { generate, startGateway, startSimulator } from "./gateway.mjs";
import { decodePng } from "./png.mjs";

const kind = (headers) => [headers.get("x-cache"), headers.get("x-cache-type")]
  .filter(Boolean).join(" ");
const bytesOf = (url) => Buffer.from(url.slice(url.indexOf(",") + 1), "base64");

describe("chat with images", () => {
  let simulator, gateway, client;
  before(async () => {
    simulator = await startSimulator();
    gateway = await startGateway({ upstream: simulator.url });
    client = new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: "sk-any", maxRetries: 0 });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  const ask = async (content, more = {}) => {
    const { data, response } = await client.chat.completions.create({
      model: "gpt-image-1-mini", modalities: ["image", "text"],
      messages: [{ role: "user", content }], ...more,
    }).withResponse();
    return { data, kind: kind(response.headers), headers: response.headers };
  };

  it("misses, hits exactly, and in other words", async () => {
    const miss = await ask("a red fox in the snow");
    assert.equal(miss.kind, "MISS");
    const [{ message, finish_reason }] = miss.data.choices;
    assert.deepEqual([message.role, finish_reason], ["assistant", "stop"]);
    const { url } = message.images[0].image_url;
    assert.match(url, /^data:image\/png;base64,/);
    assert.ok(decodePng(bytesOf(url)).width > 0);
    assert.ok(miss.data.usage.completion_tokens > 0);

    const hit = await ask("a red fox in the snow");
    assert.equal(hit.kind, "HIT EXACT");
    assert.equal(hit.data.choices[0].message.images[0].image_url.url, url);
    assert.equal(hit.data.usage.total_tokens, 0);
    assert.equal((await ask("A red fox in snow.")).kind, "HIT SEMANTIC");
    const blue = await ask("a blue fox in the snow");
    assert.equal(blue.kind, "MISS");
    assert.match(blue.headers.get("x-reprise-reason"), /^colour: /);
  });

  it("streams", async () => {
    const { data, kind } = await ask("a red fox in the snow",
      { stream: true, stream_options: { include_usage: true } });
    assert.equal(kind, "HIT EXACT");
    const chunks = [];
    for await (const chunk of data) chunks.push(chunk);
    const images = chunks.flatMap(({ choices }) => choices[0]?.delta.images ?? []);
    assert.equal(images.length, 1);
    assert.ok(decodePng(bytesOf(images[0].image_url.url)).width > 0);
    assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
    assert.equal(chunks.at(-1).usage.total_tokens, 0);
  });

  it("tells reference images apart by their bytes", async () => {
    const draw = async (prompt) => (await generate(simulator.url.replace("/v1", ""),
      { model: "gpt-image-1", prompt, size: "64x64" })).bytes.toString("base64");
    const [cat, dog] = [await draw("a cat"), await draw("a dog")];
    const withImage = (image, text) => ask([
      { type: "text", text },
      { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } }]);
    assert.equal((await withImage(cat, "give it a red hat")).kind, "MISS");
    assert.equal((await withImage(cat, "give it a red hat")).kind, "HIT EXACT");
    assert.equal((await withImage(cat, "Give it a red hat!")).kind, "HIT SEMANTIC");
    assert.equal((await withImage(dog, "give it a red hat")).kind, "MISS");
  });

  it("throws the SDK's own errors", async () => {
    await assert.rejects(ask("simulate:refuse"),
      (error) => error instanceof OpenAI.BadRequestError &&
        error.code === "content_policy_violation");
    await assert.rejects(ask(""), (error) => error.param === "messages");
    await assert.rejects(ask([{ type: "text", text: "x" },
      { type: "image_url", image_url: { url: "data:image/png;base64,PGh0bWw+" } }]), /holds HTML/);
    await assert.rejects(ask("x", { messages: [
      { role: "user", content: [{ type: "image_url", image_url: { url: "input:0" } }] },
      { role: "user", content: "a fox" }] }),
    (error) => error.status === 400 && /not 'input:0'; send the image itself/.test(error.message));
  });

  it("says so when other chat has nowhere to go", async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] }),
    });
    assert.equal(response.status, 501);
    assert.match((await response.json()).error.message, /set chat\.url/);
  });
});

describe("chat that is passed through", () => {
  let server, answer, seen, gateways = [];
  before(async () => {
    server = createServer((request, response) => {
      const pieces = [];
      request.on("data", (piece) => pieces.push(piece)).on("end", () => {
        seen = { url: request.url, headers: request.headers, body: Buffer.concat(pieces) };
        answer(response);
      });
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    server.closeAllConnections();
    server.close();
  });
  const start = async (more = "") => {
    const url = `http://127.0.0.1:${server.address().port}/up`;
    const gateway = await startGateway(
      { config: `simulator: {latency: 10ms}\nchat:\n  url: ${url}\n${more}` });
    gateways.push(gateway);
    return gateway;
  };
  const post = (gateway, body, headers = {}) => fetch(`${gateway.url}/v1/chat/completions?a=1`, {
    method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });
  const chunk = (content) => `data: ${JSON.stringify({
    id: "c", object: "chat.completion.chunk", created: 1, model: "m",
    choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

  it("arrives and returns as it was sent", async () => {
    const gateway = await start();
    const body = '{"model": "gpt-4o",  "messages":[{"role":"user","content":"h\u00e9"}], "x": 1.0}';
    answer = (response) => {
      response.writeHead(418, { "X-Request-Id": "7", "Set-Cookie": ["a=1", "b=2"] });
      response.end("anything \u00e9");
    };
    const response = await post(gateway, body, { Authorization: "Bearer mine", "X-Title": "app" });
    assert.equal(response.status, 418);
    assert.equal(response.headers.get("x-request-id"), "7");
    assert.equal(response.headers.get("set-cookie"), "a=1, b=2");
    assert.equal(await response.text(), "anything \u00e9");
    assert.equal(seen.url, "/up/chat/completions?a=1");
    assert.equal(seen.body.toString(), body);
    assert.equal(seen.headers.authorization, "Bearer mine");
    assert.equal(seen.headers["x-title"], "app");
    assert.equal(seen.headers.host, `127.0.0.1:${server.address().port}`);
  });

  it("is streamed while it is made", async () => {
    const gateway = await start();
    let rest;
    answer = (response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(chunk("one "));
      rest = () => {
        response.write(chunk("two"));
        response.end("data: [DONE]\n\n");
      };
    };
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "k", maxRetries: 0 });
    const stream = await client.chat.completions.create(
      { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], stream: true });
    const words = [];
    for await (const { choices } of stream) {
      words.push(choices[0].delta.content);
      if (words.length === 1) rest();  // the server waits for the first to have arrived
    }
    assert.deepEqual(words, ["one ", "two"]);
  });

  it("reaches the simulator's chat", async () => {
    const simulator = await startSimulator();
    const gateway = await startGateway({ config: `chat: {url: '${simulator.url}'}` });
    gateways.push(gateway);
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "k", maxRetries: 0 });
    const chat = { model: "any", messages: [{ role: "user", content: "hello there" }] };
    const whole = await client.chat.completions.create(chat);
    assert.equal(whole.choices[0].message.content, "You said: hello there");
    let text = "";
    for await (const { choices } of await client.chat.completions.create({ ...chat, stream: true })) {
      text += choices[0].delta.content ?? "";
    }
    assert.equal(text, "You said: hello there");
    await simulator.stop();
  });

  it("ends upstream when the client leaves", async () => {
    const gateway = await start();
    let left;
    const gone = new Promise((done) => { left = done; });
    answer = (response) => {
      response.on("close", left);
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const write = () => { while (response.write(chunk("word ".repeat(1000)))); };
      response.on("drain", write);
      write();
    };
    const controller = new AbortController();
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST", signal: controller.signal, headers: { "Content-Type": "application/json" },
      body: '{"model":"m","messages":[]}' });
    await response.body.getReader().read();
    controller.abort();
    await gone;
  });

  it("carries the configured key instead of the caller's", async () => {
    const gateway = await start("  api_key: own\n");
    answer = (response) => response.end("{}");
    await post(gateway, '{"model":"m"}', { Authorization: "Bearer caller", Cookie: "a=1" });
    assert.equal(seen.headers.authorization, "Bearer own");
    assert.equal(seen.headers.cookie, undefined);
  });

  it("does not repeat what the upstream says of the configured key", async () => {
    const gateway = await start("  api_key: sk-own-1234\n");
    answer = (response) => response.writeHead(401).end("incorrect API key: sk-own***1234");
    const response = await post(gateway, '{"model":"m"}');
    const text = await response.text();
    assert.equal(response.status, 502);
    assert.match(text, /chat\.api_key/);
    assert.doesNotMatch(text, /1234/);
  });

  it("keeps images in the cache", async () => {
    const gateway = await start();
    answer = () => assert.fail("an image was passed on");
    const body = JSON.stringify(
      { model: "gpt-image-1", messages: [{ role: "user", content: "a fox" }] });
    assert.equal((await post(gateway, body)).headers.get("x-cache"), "MISS");
    assert.equal((await post(gateway, body)).headers.get("x-cache"), "HIT");
  });

  it("fails with a reason when the upstream is away", async () => {
    const gateway = await startGateway({ config: "chat: {url: 'http://127.0.0.1:1/v1'}" });
    gateways.push(gateway);
    const response = await post(gateway, '{"model":"m"}');
    assert.equal(response.status, 502);
    assert.match((await response.json()).error.message, /127\.0\.0\.1:1\/v1\/chat\/completions/);
  });
});
