// Upstreams that are down, slow, refusing or wrong: a clear error, nothing cached, the server lives.
import { setTimeout } from "node:timers/promises";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { freePort, generate, startGateway, startSimulator } from "./gateway.mjs";

describe("a faulty upstream", () => {
  let simulator, gateway;
  before(async () => {
    simulator = await startSimulator({ latency: "1ms" });
    gateway = await startGateway({
      upstream: simulator.url, config: "upstream: {timeout: 2s, attempts: 2, breaker_failures: 1000}",
    });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop("SIGKILL");  // one of its replies hangs for an hour
  });

  const cases = [
    ["that refuses the content", "simulate:refuse", 400, "content_policy_violation"],
    ["with a lasting 500", "simulate:error=500", 502, null],
    ["with a lasting 503", "simulate:error=503", 502, null],
    ["that is rate limited", "simulate:error=429", 429, null],
    ["that wants another key", "simulate:error=401", 502, null],
    ["that returns what is not an image", "simulate:not-an-image", 502, "bad_upstream"],
    ["that returns a truncated image", "simulate:truncated", 502, "bad_upstream"],
    ["that returns no image", "simulate:empty", 502, "bad_upstream"],
    ["that hangs", "simulate:hang", 504, "deadline_exceeded"],
  ];
  for (const [name, prompt, status, code] of cases) {
    it(`${name}: ${status}, and nothing is cached`, async () => {
      const body = { prompt: `${prompt} a fox`, size: "64x64" };
      for (let i = 0; i < 2; i++) {
        const before = (await simulator.calls()).image_calls;
        const reply = await generate(gateway.url, body);
        assert.equal(reply.status, status, reply.text);
        assert.ok(reply.json.error.message.length > 15, reply.text);
        assert.equal(reply.cache, "MISS");
        if (code) assert.equal(reply.json.error.code, code);
        assert.ok((await simulator.calls()).image_calls > before, "it was asked again");
        // What has not ended would be joined.
        while ((await gateway.stats()).generations_under_way > 0) await setTimeout(20);
      }
      assert.equal((await gateway.stats()).entries, 0);
    });
  }

  it("is tried again when that can help, and only then", async () => {
    const tries = async (prompt) => {
      const before = (await simulator.calls()).image_calls;
      await generate(gateway.url, { prompt, size: "64x64" });
      return (await simulator.calls()).image_calls - before;
    };
    assert.equal(await tries("simulate:error=500 twice"), 2);
    assert.equal(await tries("simulate:error=429 twice"), 2);
    assert.equal(await tries("simulate:refuse once"), 1);
    assert.equal(await tries("simulate:error=404 once"), 1);
  });
});

describe("an upstream that is down", () => {
  it("is a 502 that says so; hits go on; it may come back", async () => {
    // At once, or the gateway might be given the port that is free for the simulator.
    const [port, own] = await Promise.all([freePort(), freePort()]);
    const gateway = await startGateway({
      port: own, upstream: `http://127.0.0.1:${port}/v1`, config: "upstream: {attempts: 1}",
    });
    const body = { prompt: "a lost letter", size: "64x64" };
    const reply = await generate(gateway.url, body);
    assert.equal(reply.status, 502);
    assert.match(reply.json.error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
    const simulator = await startSimulator({ port, latency: "1ms" });
    assert.equal((await generate(gateway.url, body)).cache, "MISS");
    await simulator.stop();
    assert.equal((await generate(gateway.url, body)).cache, "HIT EXACT");
    assert.equal((await generate(gateway.url, { prompt: "Lost letter!", size: "64x64" })).cache,
      "HIT SEMANTIC");
    await gateway.stop();
  });
});

describe("what the upstream is sent", () => {
  let upstream, gateway, seen;
  before(async () => {
    seen = [];
    upstream = createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        seen.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks)) });
        if (seen.length === 1) {
          response.writeHead(429, { "Retry-After": "0" }).end("{}");
          return;
        }
        // A 1x1 PNG.
        const b64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
        response.writeHead(200, { "Content-Type": "application/json" })
          .end(JSON.stringify({ created: 1, data: [{ b64_json: b64 }] }));
      });
    });
    await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
    gateway = await startGateway({
      upstream: `http://127.0.0.1:${upstream.address().port}/v1`,
      env: { OPENAI_API_KEY: "sk-of-the-gateway" },
    });
  });
  after(async () => {
    await gateway.stop();
    upstream.close();
  });

  it("is the caller's request with the gateway's key, retried as Retry-After says", async () => {
    const reply = await generate(gateway.url, {
      model: "gpt-image-1", prompt: "a parcel", size: "1024x1536", quality: "high",
      background: "opaque", moderation: "low", user: "u-1", something_new: [1, { a: null }],
      output_format: "jpeg", cache: { ttl: 60 },
    }, { Authorization: "Bearer sk-of-the-caller" });
    assert.equal(reply.status, 200);
    assert.equal(seen.length, 2);
    const { headers, body } = seen[1];
    assert.equal(headers.authorization, "Bearer sk-of-the-gateway");
    assert.deepEqual(body, {
      model: "gpt-image-1", prompt: "a parcel", n: 1, size: "1024x1536", quality: "high",
      background: "opaque", moderation: "low", user: "u-1", something_new: [1, { a: null }],
    });
  });

  it("is asked for the shortfall only", async () => {
    await generate(gateway.url, { prompt: "a deck of cards" });
    seen.length = 1;
    await generate(gateway.url, { prompt: "a deck of cards", n: 2 });
    assert.equal(seen[1].body.n, 1);
  });
});

describe("a configuration", () => {
  it("with an unknown key is refused with a suggestion and the line", async () => {
    await assert.rejects(startGateway({ config: "listen: 127.0.0.1:0\ncache:\n  tll: 5d\n" }),
      /reprise\.yaml:3: unknown setting 'cache\.tll'; did you mean 'cache\.ttl'\?/);
    await assert.rejects(startGateway({ config: "cache:\n  ttl: soon\n" }),
      /reprise\.yaml:2: 'cache\.ttl': expected a duration/);
    await assert.rejects(startGateway({ config: "cache: [\n" }), /reprise\.yaml:\d: /);
  });
});
