// Embedders that are somewhere else: what they are sent, and that the gateway goes on without them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { generate, REPRISE, scratch, sleep, startGateway } from "./gateway.mjs";

// One dimension a word, by a hash: prompts with the same words in any order are near.
function vectorOf(text) {
  const vector = new Array(64).fill(0);
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
    let hash = 7;
    for (const c of word) hash = (hash * 31 + c.charCodeAt(0)) % 9973;
    vector[hash % 64] += 1;
  }
  return vector;
}

const openAi = (texts) => ({
  object: "list",
  data: texts.map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text) }))
    .reverse(),
});

// An embedding API. `behave(response, request)` may answer instead; it returns true when it did.
async function startApi() {
  const api = { calls: [], behave: () => false };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks));
      const call = { url: request.url, headers: request.headers, body,
        texts: body.input ?? body.text };
      api.calls.push(call);
      if (api.behave(response, call)) return;
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(body.text
        ? { result: { shape: [call.texts.length, 64], data: call.texts.map(vectorOf),
          pooling: "cls" }, success: true, errors: [], messages: [] }
        : openAi(call.texts)));
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  api.url = `http://127.0.0.1:${server.address().port}`;
  api.close = () => { server.closeAllConnections(); server.close(); };
  return api;
}

const answer = (status, body, headers = {}) => (response) => {
  response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  return true;
};

const config = (api, more = "") => `
upstream: {url: ""}
simulator: {latency: 1ms}
cache: {match: "off", similarity_threshold: 0.95}
embedder: {kind: openai, url: "${api.url}/v1", model: test-model, api_key: "\${KEY}"${more}}
`;

const request = (prompt) => ({ prompt, size: "64x64" });

describe("an OpenAI-compatible embedder", () => {
  let api, gateway;
  before(async () => {
    api = await startApi();
    gateway = await startGateway({ config: config(api), env: { KEY: "ek-1" } });
  });
  after(async () => { await gateway.stop(); api.close(); });

  it("is sent the model, the key and the prompt, and its neighbours hit", async () => {
    assert.equal((await generate(gateway.url, request("a red fox in deep snow"))).cache, "MISS");
    const [call] = api.calls;
    assert.equal(call.url, "/v1/embeddings");
    assert.equal(call.headers.authorization, "Bearer ek-1");
    assert.deepEqual(call.body, { model: "test-model", input: ["a red fox in deep snow"] });
    const near = await generate(gateway.url, request("In deep snow, a red fox"));
    assert.equal(near.cache, "HIT SEMANTIC");
    assert.equal(near.header("x-reprise-reason"), "cosine");
    assert.equal((await generate(gateway.url, request("a tall glass of milk"))).cache, "MISS");
    assert.equal((await gateway.stats()).embedder, "openai/test-model");
  });

  it("is asked once for a prompt", async () => {
    api.calls.length = 0;
    const prompts = ["one ship", "one ship", "two ships", "one ship"];
    for (const prompt of prompts) {
      await generate(gateway.url, { ...request(prompt), cache: { "no-cache": true } });
    }
    assert.deepEqual(api.calls.map(({ texts }) => texts), [["one ship"], ["two ships"]]);
  });

  it("shares calls among prompts of the same time", async () => {
    api.calls.length = 0;
    let held;
    const first = new Promise((done) => {
      api.behave = (response, call) => {
        if (!call.texts.includes("plain first")) return false;
        held = () => answer(200, openAi(call.texts))(response);
        done();
        return true;
      };
    });
    const replies = [generate(gateway.url, request("plain first"))];
    await first;
    for (let i = 0; i < 40; i++) replies.push(generate(gateway.url, request(`thing number ${i}`)));
    await Promise.all(replies.slice(1));
    held();
    for (const reply of await Promise.all(replies)) assert.equal(reply.status, 200);
    assert.ok(api.calls.length < 41, `${api.calls.length} calls for 41 prompts`);
    assert.ok(api.calls.every(({ texts }) => texts.length <= 32));
    assert.equal(api.calls.flatMap(({ texts }) => texts).length, 41);
    api.behave = () => false;
  });
});

describe("an embedder in trouble", () => {
  let api, gateway, number = 0;
  before(async () => {
    api = await startApi();
    gateway = await startGateway({
      config: config(api, ", timeout: 1500ms, attempts: 2"), env: { KEY: "" } });
  });
  after(async () => { await gateway.stop(); api.close(); });
  beforeEach(() => { api.calls.length = 0; });

  // A prompt of its own is generated and hits exactly, whatever the embedder does.
  async function goesOn() {
    const prompt = request(`subject ${++number}`);
    const miss = await generate(gateway.url, prompt);
    assert.equal(miss.cache, "MISS", miss.text);
    assert.equal(miss.status, 200);
    assert.equal((await generate(gateway.url, prompt)).cache, "HIT EXACT");
    return api.calls.length;
  }
  // Lets a working embedder close the breaker again.
  async function recover() {
    api.behave = () => false;
    for (;;) {
      const before = api.calls.length;
      await generate(gateway.url, request(`recovery ${++number}`));
      if (api.calls.length > before) return;
      await sleep(50);
    }
  }

  it("is asked again after a 429 with Retry-After", async () => {
    const times = [];
    api.behave = (response) => {
      times.push(Date.now());
      return times.length === 1 && answer(429, "{}", { "Retry-After": "0.2" })(response);
    };
    await goesOn();
    assert.equal(times.length, 2);
    assert.ok(times[1] - times[0] >= 190, `${times[1] - times[0]} ms`);
    assert.equal((await gateway.stats()).degraded, 0);
  });

  const troubles = [
    ["hangs", () => true],
    ["sends its answer a byte at a time", (response, call) => {
      const text = JSON.stringify(openAi(call.texts));
      let at = 0;
      const timer = setInterval(() => response.write(text[at++ % text.length]), 20);
      response.on("close", () => clearInterval(timer));
      return true;
    }],
    ["answers 500", answer(500, { error: { message: "out of memory" } })],
    ["wants another key", answer(401, { error: { message: "no key" } })],
    ["sends too few vectors", answer(200, { data: [] })],
    ["sends NaN", answer(200, '{"data":[{"index":0,"embedding":[NaN,1]}]}')],
    ["sends null for a number", answer(200, '{"data":[{"index":0,"embedding":[null,1]}]}')],
    ["sends something else", answer(200, "<html>")],
    ["closes the connection", (response) => response.destroy()],
  ];
  for (const [name, behave] of troubles) {
    it(`${name}: exact matching goes on`, async () => {
      const { degraded } = await gateway.stats();
      api.behave = behave;
      assert.ok(await goesOn() >= 1, "it was asked");
      assert.ok((await gateway.stats()).degraded > degraded, "and that is counted");
      await recover();
    });
  }

  it("is left alone while it keeps failing, and used again when it is back", async () => {
    api.behave = answer(503, "{}");
    for (let i = 0; i < 6; i++) await goesOn();
    const calls = api.calls.length;
    assert.ok(calls <= 6, `${calls} calls for 6 prompts: the breaker is open`);
    await goesOn();
    assert.equal(api.calls.length, calls, "nobody waits for it");
    await recover();
    await generate(gateway.url, request("a lone green boat"));
    assert.equal((await generate(gateway.url, request("A green, lone boat"))).cache,
      "HIT SEMANTIC");
  });
});

describe("Cloudflare Workers AI", () => {
  it("is sent texts and pooling on its own route", async () => {
    const api = await startApi();
    const gateway = await startGateway({
      env: { KEY: "cf-1" },
      config: `
simulator: {latency: 1ms}
cache: {match: "off", similarity_threshold: 0.95}
embedder: {kind: cloudflare, url: "${api.url}/client/v4", account: acc1, api_key: "\${KEY}"}
` });
    await generate(gateway.url, request("a small blue door"));
    assert.equal((await generate(gateway.url, request("a blue, small door"))).cache,
      "HIT SEMANTIC");
    const [call] = api.calls;
    assert.equal(call.url, "/client/v4/accounts/acc1/ai/run/@cf/baai/bge-base-en-v1.5");
    assert.equal(call.headers.authorization, "Bearer cf-1");
    assert.deepEqual(call.body, { text: ["a small blue door"], pooling: "cls" });
    await gateway.stop();
    api.close();
  });
});

// A model2vec folder in which every word has a direction of its own.
function writeStaticModel(folder, words) {
  const size = words.length + 1;
  const table = new Float32Array(size * size);
  for (let i = 0; i < size; i++) table[i * size + i] = 1;
  const header = Buffer.from(JSON.stringify({ embeddings:
    { dtype: "F32", shape: [size, size], data_offsets: [0, table.byteLength] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(`${folder}/model.safetensors`,
    Buffer.concat([length, header, Buffer.from(table.buffer)]));
  const vocab = Object.fromEntries([["[UNK]", 0], ...words.map((word, i) => [word, i + 1])]);
  writeFileSync(`${folder}/tokenizer.json`, JSON.stringify({
    added_tokens: [], normalizer: { type: "BertNormalizer" },
    pre_tokenizer: { type: "BertPreTokenizer" }, post_processor: null,
    model: { type: "WordPiece", unk_token: "[UNK]", vocab } }));
  writeFileSync(`${folder}/config.json`, '{"normalize": true}');
}

describe("a static table", () => {
  it("finds neighbours, and says what is wrong with its files", async () => {
    const folder = scratch();
    writeStaticModel(folder.path, ["a", "red", "fox", "in", "snow"]);
    const settings = `
simulator: {latency: 1ms}
cache: {match: "off", similarity_threshold: 0.95}
embedder: {kind: static, path: "${folder.path}"}
`;
    const gateway = await startGateway({ config: settings });
    await generate(gateway.url, request("a red fox in snow"));
    const near = await generate(gateway.url, request("In snow: a red fox"));
    assert.equal(near.cache, "HIT SEMANTIC");
    assert.match((await gateway.stats()).embedder, /^static\/[0-9a-f]{16}\/6$/);
    await gateway.stop();
    writeFileSync(`${folder.path}/tokenizer.json`, '{"model": {"type": "BPE", "vocab": {}}}');
    writeFileSync(`${folder.path}/c.yaml`, settings);
    const { status, output } = await run("serve", "--data", `${folder.path}/data`, "--config",
      `${folder.path}/c.yaml`);
    assert.notEqual(status, 0);
    assert.match(output, /tokenizer\.json: its model is of the type 'BPE'; supported are/);
    folder.remove();
  });
});

// Asynchronous, unlike spawnSync: the API answers from this process.
function run(...args) {
  return new Promise((done) => {
    const child = spawn(REPRISE, args, { env: { ...process.env, EMBEDDER_API_KEY: "" } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (d) => { output += d; });
    child.once("exit", (status) => done({ status, output }));
  });
}

describe("reprise doctor", () => {
  it("embeds a text and says with what", async () => {
    const api = await startApi();
    const directory = scratch();
    const common = ["doctor", "--data", directory.path, "--listen", "127.0.0.1:1", "--json"];
    const file = `${directory.path}/c.yaml`;
    const find = async (yaml) => {
      writeFileSync(file, yaml);
      const { output } = await run(...common, "--config", file);
      return JSON.parse(output).find(({ what }) => what === "embedder");
    };
    const good = await find(config(api));
    assert.equal(good.state, "ok", JSON.stringify(good));
    assert.match(good.detail, /^openai\/test-model, 64 dimensions, [\d.]+ ms a text$/);
    api.behave = answer(401, { error: { message: "who are you" } });
    const refused = await find(config(api));
    assert.equal(refused.state, "failed");
    assert.match(refused.detail, /HTTP 401: who are you/);
    assert.match((await find("embedder: {kind: openai}")).detail, /embedder\.model is empty/);
    assert.match((await find("")).detail, /^\S+, \d+ dimensions/);
    directory.remove();
    api.close();
  });
});

describe("an embedder that cannot be used", () => {
  it("without ONNX Runtime, or without a model, says what to do", async () => {
    const directory = scratch();
    const file = `${directory.path}/c.yaml`;
    writeFileSync(file, `embedder: {kind: onnx, path: "${directory.path}"}\n`);
    const { status, output } = await run("serve", "--listen", "127.0.0.1:0", "--data",
      directory.path, "--config", file);
    assert.notEqual(status, 0);
    assert.match(output, /tools\/setup --onnx|no model\.onnx in/);
    directory.remove();
  });

  it("stops the start with the way out", async () => {
    const directory = scratch();
    const file = `${directory.path}/c.yaml`;
    writeFileSync(file, "embedder: {url: 'http://127.0.0.1:1/v1'}\n");
    const { status, output } = await run("serve", "--listen", "127.0.0.1:0", "--data",
      directory.path, "--config", file);
    assert.equal(status, 2, output);
    assert.match(output, /embedder\.url is set, but embedder\.kind is builtin/);
    directory.remove();
  });
});
