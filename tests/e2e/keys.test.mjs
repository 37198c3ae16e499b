// API keys: `reprise keys`, what a running gateway makes of them, limits, and where keys never show.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { REPRISE, scratch, startGateway, startSimulator } from "./gateway.mjs";
import { addKey, caller, keys, until } from "./keys.mjs";

const image = { prompt: "a red fox in the snow", size: "64x64", response_format: "url" };

describe("reprise keys", () => {
  let data;
  before(() => { data = scratch(); });
  after(() => data.remove());

  it("shows a key once, and only it on standard output", () => {
    const added = keys(data.path, "add", "shop", "--tenant", "acme", "--scopes", "read,generate",
      "--requests-per-minute", "60", "--concurrent", "4");
    assert.equal(added.code, 0, added.err);
    assert.match(added.out, /^rpk_[0-9a-f]{48}\n$/);
    assert.match(added.err, /tenant acme/);
    assert.ok(!added.err.includes(added.out.trim()));
    const listed = keys(data.path, "list", "--json");
    const [key] = JSON.parse(listed.out).data;
    assert.ok(key.created > 1.7e9);
    delete key.created;
    assert.deepEqual(key, { id: 1, name: "shop", tenant: "acme", scopes: "generate,read",
      requests_per_minute: 60, concurrent: 4, last_used: null, revoked: null });
    assert.ok(!listed.out.includes("rpk_"));
    assert.match(keys(data.path, "list").out, /shop +acme +generate,read/);
  });

  it("gives everything as JSON, and revokes once", () => {
    const added = JSON.parse(keys(data.path, "add", "other", "--json").out);
    assert.match(added.key, /^rpk_/);
    assert.equal(added.tenant, "default");
    assert.deepEqual(JSON.parse(keys(data.path, "revoke", String(added.id), "--json").out),
      { id: added.id, revoked: true });
    const again = keys(data.path, "revoke", String(added.id));
    assert.equal(again.code, 1);
    assert.match(again.err, /no key 2 that is valid/);
    assert.ok(JSON.parse(keys(data.path, "list", "--json").out).data[1].revoked > 1.7e9);
  });

  it("refuses what makes no sense", () => {
    for (const [args, why] of [[["add", "x", "--scopes", "write"], /'write' is no scope/],
      [["add", "x", "--scopes", ""], /without a scope/], [["add", ""], /name/],
      [["add", "a\nb"], /name/], [["add", "x", "--tenant", ""], /tenant/], [["add"], /name/],
      [["add", "x", "--concurrent", "-1"], /concurrent/], [["revoke", "x"], /id/], [[], /subcommand/i]]) {
      const refused = keys(data.path, ...args);
      assert.equal(refused.code, 2, args.join(" ") + refused.err);
      assert.match(refused.err + refused.out, why);
    }
    for (const command of ["add", "list", "revoke"]) {
      assert.equal(keys(data.path, command, "--help").code, 0);
    }
  });
});

describe("a gateway", () => {
  let data, simulator, gateway;
  before(async () => {
    data = scratch();
    simulator = await startSimulator({ latency: "5ms" });
    gateway = await startGateway({ data: data.path, upstream: simulator.url });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
    data.remove();
  });

  it("takes keys as soon as there is one, and refuses them as soon as they are revoked", async () => {
    const stranger = caller(gateway.url);
    assert.equal((await stranger("POST", "/v1/images/generations", image)).status, 200);
    const key = addKey(data.path, "default");
    await until(async () => (await stranger("GET", "/v1/models")).status === 401);
    const user = caller(gateway.url, key);
    assert.equal((await user("POST", "/v1/images/generations", image)).header("x-cache"), "HIT");
    const second = addKey(data.path, "default");
    await until(async () => (await caller(gateway.url, second)("GET", "/v1/models")).status === 200);
    keys(data.path, "revoke", "1");
    await until(async () => (await user("GET", "/v1/models")).status === 401);
    assert.equal((await caller(gateway.url, second)("GET", "/v1/models")).status, 200);
    keys(data.path, "revoke", "2");
    await until(async () => (await caller(gateway.url, second)("GET", "/v1/models")).status === 401);
    assert.equal((await stranger("GET", "/v1/models")).status, 401, "no key left opens nothing");
    for (const path of ["/healthz", "/readyz"]) assert.equal((await stranger("GET", path)).status, 200);
  });

  it("refuses strangers in the words of each API", async () => {
    const foreign = caller(gateway.url, "sk-proj-not-ours");
    for (const ask of [caller(gateway.url), foreign]) {
      for (const [method, path, body] of [["POST", "/v1/images/generations", image],
        ["POST", "/v1/chat/completions", { model: "gpt-image-1", messages: [] }],
        ["POST", "/v1/images/edits", "x"], ["GET", "/v1/stats"], ["POST", "/v1/purge", { all: true }]]) {
        const refused = await ask(method, path, body);
        assert.equal(refused.status, 401, path);
        assert.equal(refused.json.error.code, "invalid_api_key");
        assert.equal(refused.json.error.type, "authentication_error");
        assert.equal(refused.header("www-authenticate"), "Bearer");
        assert.ok(!refused.text.includes("not-ours"));
      }
      const pollinations = await ask("GET", "/prompt/fox");
      assert.equal(pollinations.status, 401);
      assert.equal(pollinations.json.error, "Unauthorized");
      const runpod = await ask("POST", "/v2/flux/runsync", { input: { prompt: "fox" } });
      assert.equal(runpod.status, 401);
      assert.match(runpod.json.error, /API key/);
    }
  });

  it("is what OpenAI's SDK expects", async () => {
    const key = addKey(data.path, "sdk", "--requests-per-minute", "2");
    await until(async () => (await caller(gateway.url, key)("POST", "/v1/purge", {})).status === 403);
    const client = (apiKey) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
    await assert.rejects(client("sk-proj-x").images.generate({ model: "gpt-image-1", ...image }),
      OpenAI.AuthenticationError);
    const made = await client(key).images.generate({ model: "gpt-image-1", ...image });
    assert.equal((await fetch(made.data[0].url)).status, 200, "a signed link takes no key");
    await assert.rejects(client(key).images.generate({ model: "gpt-image-1", ...image }),
      OpenAI.RateLimitError);
  });

  it("gives the command line's key from the environment", async () => {
    const key = addKey(data.path, "default", "--scopes", "read");
    await until(async () => (await caller(gateway.url, key)("GET", "/v1/models")).status === 200);
    const stats = (env) => spawnSync(REPRISE, ["stats", "--json", "--url", gateway.url],
      { encoding: "utf8", env: { ...process.env, ...env } });
    assert.equal(stats({ REPRISE_API_KEY: "" }).status, 1);
    assert.match(stats({ REPRISE_API_KEY: "" }).stderr, /API key/);
    assert.equal(stats({ REPRISE_API_KEY: key }).status, 0);
  });

  it("says when a key was used last, after a while and at its end", async () => {
    const key = addKey(data.path, "used");
    const id = String(JSON.parse(keys(data.path, "list", "--json").out).data.length);
    await until(async () => (await caller(gateway.url, key)("GET", "/v1/models")).status === 200);
    await gateway.stop();
    gateway = await startGateway({ data: data.path, upstream: simulator.url });
    const used = JSON.parse(keys(data.path, "list", "--json").out).data[id - 1];
    assert.ok(used.last_used > 1.7e9, JSON.stringify(used));
    assert.equal((await caller(gateway.url, key)("GET", "/v1/models")).status, 200);
  });
});

describe("limits of a key", () => {
  let data, upstream, gateway, waiting;
  before(async () => {
    data = scratch();
    waiting = [];
    upstream = createServer((request, response) => {  // answers when it is told to
      request.resume();
      waiting.push(response);
    });
    await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
    gateway = await startGateway({ data: data.path, config: "upstream:\n  attempts: 1\n",
      upstream: `http://127.0.0.1:${upstream.address().port}/v1` });
  });
  after(async () => {
    await gateway.stop("SIGKILL");
    upstream.closeAllConnections?.();
    upstream.close();
    data.remove();
  });

  it("counts requests a minute, hits and errors too, and says so", async () => {
    const ask = caller(gateway.url, addKey(data.path, "rate", "--requests-per-minute", "3"));
    await until(async () => (await caller(gateway.url)("GET", "/v1/models")).status === 401);
    const seen = [];
    for (let i = 0; i < 3; ++i) seen.push(await ask("GET", "/v1/models/nothing"));
    assert.deepEqual(seen.map((reply) => reply.status), [404, 404, 404]);
    assert.deepEqual(seen.map((reply) => reply.header("ratelimit-limit")), ["3", "3", "3"]);
    assert.equal(seen[0].header("ratelimit-remaining"), "2");
    for (const [method, path, body, shape] of [
      ["POST", "/v1/images/generations", image, (json) => json.error.code === "rate_limit_exceeded"],
      ["GET", "/prompt/fox", undefined, (json) => json.error === "Too Many Requests"],
      ["POST", "/v2/flux/run", { input: { prompt: "fox" } }, (json) => /requests a minute/.test(json.error)]]) {
      const refused = await ask(method, path, body);
      assert.equal(refused.status, 429);
      assert.ok(shape(refused.json), refused.text);
      assert.ok(Number(refused.header("retry-after")) >= 1 && Number(refused.header("retry-after")) <= 20);
      assert.equal(refused.header("ratelimit-remaining"), "0");
    }
  });

  it("counts requests under way, whatever becomes of them", async () => {
    const ask = caller(gateway.url, addKey(data.path, "places", "--concurrent", "1"));
    await until(async () => (await ask("GET", "/v1/models")).status === 200);
    const first = ask("POST", "/v1/images/generations", image);
    await until(() => waiting.length === 1);
    const refused = await ask("GET", "/v1/models");
    assert.equal(refused.status, 429);
    assert.equal(refused.json.error.code, "concurrency_limit_exceeded");
    assert.equal(refused.header("retry-after"), "1");
    waiting.pop().writeHead(500).end();
    assert.ok((await first).status >= 500);
    await until(async () => (await ask("GET", "/v1/models")).status === 200);
  });
});

describe("without a key", () => {
  it("only loopback is served, unless it is said otherwise", async () => {
    const data = scratch();
    const serve = (...args) => spawnSync(REPRISE, ["serve", "--data", data.path, ...args], { encoding: "utf8" });
    const refused = serve("--listen", "0.0.0.0:0");
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(refused.stderr, /no API key.*0\.0\.0\.0:0.*reprise keys add.*auth: off/s);
    assert.equal(serve("--listen", "[::]:0").status, 2);
    data.remove();
  });

  it("auth: required answers nobody until there is one", async () => {
    const data = scratch();
    const gateway = await startGateway({ data: data.path, config: "auth: required\n" });
    assert.equal((await caller(gateway.url)("GET", "/v1/models")).status, 401);
    const ask = caller(gateway.url, addKey(data.path));
    await until(async () => (await ask("GET", "/v1/models")).status === 200);
    await gateway.stop();
    data.remove();
  });
});

describe("secrets", () => {
  it("are in no log, no reply and no file", async () => {
    const data = scratch();
    const simulator = await startSimulator({ latency: "1ms", errorRate: 0.5 });
    const key = addKey(data.path, "acme", "--requests-per-minute", "8");
    const upstreamKey = "sk-upstream-0123456789abcdef", foreign = "sk-foreign-0123456789abcdef";
    const gateway = await startGateway({ data: data.path, upstream: simulator.url,
      config: "log:\n  level: trace\n", env: { OPENAI_API_KEY: upstreamKey } });
    const replies = [];
    const note = async (reply) => replies.push((await reply).text);
    const ask = caller(gateway.url, key), stranger = caller(gateway.url, foreign);
    for (let i = 0; i < 6; ++i) await note(ask("POST", "/v1/images/generations", { ...image, prompt: `fox ${i}` }));
    await note(ask("POST", "/v1/images/generations", "{"));
    await note(ask("POST", "/v1/purge", { all: true }));
    await note(ask("GET", "/v1/models"));  // too often by now
    for (const path of ["/v1/models", "/prompt/fox", "/nowhere"]) {
      await note(stranger("GET", path));
      await note(caller(gateway.url)("GET", `${path}?key=${key}&token=${key}`));
    }
    await note(stranger("POST", "/v2/flux/run", { input: {} }));
    await gateway.stop();
    await simulator.stop();
    const logged = gateway.process.log, said = replies.join("\n");
    assert.ok(logged.length > 500 && said.length > 500);
    const files = readdirSync(data.path, { recursive: true }).map(String)
      .filter((name) => /reprise\.db/.test(name)).map((name) => readFileSync(join(data.path, name), "latin1"));
    assert.ok(files.length >= 1);
    for (const secret of [key, upstreamKey, foreign]) {
      assert.ok(!logged.includes(secret), "the log");
      assert.ok(!said.includes(secret), "a reply");
      for (const file of files) assert.ok(!file.includes(secret), "the store");
    }
    assert.ok(!logged.includes("Bearer sk-") && !said.includes("Bearer sk-"));
    data.remove();
  });
});
