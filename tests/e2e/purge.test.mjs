// Removing entries: DELETE /v1/entries/{id}, POST /v1/purge, `reprise purge`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { REPRISE, scratch, startGateway, startSimulator } from "./gateway.mjs";

let simulator, gateway, url, data;
before(async () => {
  data = scratch();
  simulator = await startSimulator({ latency: "5ms" });
  gateway = await startGateway({ upstream: simulator.url, data: data.path });
  url = gateway.url;
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
  data.remove();
});

const post = async (path, body) => {
  const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" } });
  return { status: response.status, json: await response.json() };
};
const generate = async (prompt, more = {}) =>
  (await post("/v1/generate", { prompt, size: "64x64", ...more })).json;
const cached = async (prompt, more = {}) =>
  (await post("/v1/generate", { prompt, size: "64x64", ...more, cache: { ...more.cache, "only-if-cached": true } })).status === 200;
const remove = async (id) => {
  const response = await fetch(`${url}/v1/entries/${id}`, { method: "DELETE" });
  return { status: response.status, json: await response.json() };
};
const blobs = () => {
  const path = join(data.path, "blobs");
  if (!existsSync(path)) return 0;
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /^[0-9a-f]{16,}/.test(file.name)).length;
};

function command(...args) {
  return new Promise((done) => {
    const child = spawn(REPRISE, ["purge", "--url", url, ...args]);
    let out = "";
    child.stdout.on("data", (text) => { out += text; });
    child.stderr.on("data", (text) => { out += text; });
    child.on("exit", (code) => done({ code, out }));
  });
}

describe("DELETE /v1/entries/ID", () => {
  it("removes the entry, its image and its meaning", async () => {
    const { entry, images } = await generate("a red fox in the snow");
    assert.equal((await fetch(images[0].url)).status, 200);
    assert.ok(await cached("A red fox in snow."));
    assert.deepEqual(await remove(entry), { status: 200, json: { id: entry, deleted: true } });
    assert.equal((await fetch(images[0].url)).status, 404);
    assert.ok(!await cached("a red fox in the snow"));
    assert.ok(!await cached("A red fox in snow."));
    const again = await generate("a red fox in the snow");
    assert.equal(again.cache.status, "MISS");
    assert.notEqual(again.entry, entry);
  });

  it("says what is not there", async () => {
    const { status, json } = await remove(99999);
    assert.equal(status, 404);
    assert.match(json.error.message, /no entry 99999/);
    assert.equal((await remove("x")).status, 400);
    const { status: method } = await fetch(`${url}/v1/entries/1`);
    assert.equal(method, 405);
  });
});

describe("POST /v1/purge", () => {
  it("is a dry run unless told otherwise", async () => {
    const { entry } = await generate("a clay jug", { tags: ["dry"] });
    const { status, json } = await post("/v1/purge", { tag: "dry" });
    assert.equal(status, 200);
    assert.equal(json.dry_run, true);
    assert.equal(json.count, 1);
    assert.ok(json.bytes > 0);
    assert.deepEqual(json.entries.map(({ id, prompt }) => ({ id, prompt })),
      [{ id: entry, prompt: "a clay jug" }]);
    assert.ok(await cached("a clay jug"));
    assert.equal((await post("/v1/purge", { tag: "dry", dry_run: false })).json.count, 1);
    assert.ok(!await cached("a clay jug"));
  });

  it("selectors have to hold all at once", async () => {
    await generate("a paper crane", { tags: ["x"], category: "paper", cache: { namespace: "n1" } });
    await generate("a paper boat", { tags: ["x"], category: "paper", model: "dall-e-2" });
    await generate("a tin boat", { tags: ["x"], category: "tin" });
    const count = async (body) => (await post("/v1/purge", body)).json.count;
    assert.equal(await count({ tag: "x" }), 3);
    assert.equal(await count({ tag: "x", category: "paper" }), 2);
    assert.equal(await count({ tag: "x", category: "paper", model: "dall-e-2" }), 1);
    assert.equal(await count({ tag: "x", namespace: "n1" }), 1);
    assert.equal(await count({ tag: "x", namespace: "" }), 2);
    assert.equal(await count({ tag: "x", older_than: 3600 }), 0);
    assert.equal(await count({ tag: "x", namespace: "n1", dry_run: false }), 1);
    assert.equal(await count({ tag: "x" }), 2);
  });

  it("by prompt: what would answer it, or what is similar to it", async () => {
    await generate("a blue vase on a shelf", { tags: ["vase"] });
    await generate("a green vase on a shelf", { tags: ["vase"] });
    const prompts = async (body) =>
      (await post("/v1/purge", body)).json.entries.map(({ prompt }) => prompt);
    const blue = { tag: "vase", prompt: "a shelf with a blue vase" };
    assert.ok(!(await prompts(blue)).includes("a green vase on a shelf"));
    assert.deepEqual(await prompts({ tag: "vase", prompt: "a blue vase on the shelf" }),
      ["a blue vase on a shelf"]);
    assert.equal((await prompts({ ...blue, min_similarity: 0.5 })).length, 2);
  });

  it("wants to be told what", async () => {
    for (const body of [{}, { dry_run: false }, { min_similarity: 0.5 }, { everything: true },
      { older_than: "1d" }]) {
      assert.equal((await post("/v1/purge", body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await fetch(`${url}/v1/purge`, { method: "POST", body: "all",
      headers: { "Content-Type": "text/plain" } })).status, 415);
  });

  it("requests meanwhile are answered, from wherever", async () => {
    const work = [];
    for (let i = 0; i < 120; i++) {
      work.push(generate(`a numbered card, ${["one", "two", "three"][i % 3]} of hearts`));
      if (i % 10 === 0) work.push(post("/v1/purge", { all: true, dry_run: false }));
    }
    for (const reply of await Promise.all(work)) {
      assert.ok(reply.status === 200 || reply.images?.length === 1, JSON.stringify(reply));
    }
    assert.doesNotMatch(gateway.process.log, /^[\d:.]+ error /m);
  });

  it("all: nothing is left, on disk either, and a restart finds nothing", async () => {
    await generate("a last thing");
    assert.ok(blobs() > 0);
    const { json } = await post("/v1/purge", { all: true, dry_run: false });
    assert.ok(json.count > 0);
    assert.equal((await gateway.stats()).entries, 0);
    assert.equal((await gateway.stats()).vectors, 0);
    assert.equal(blobs(), 0);
    await gateway.stop();
    gateway = await startGateway({ upstream: simulator.url, data: data.path });
    url = gateway.url;
    assert.equal((await gateway.stats()).entries, 0);
  });
});

describe("reprise purge", () => {
  it("lists, and removes with --yes", async () => {
    await generate("an oak in autumn", { tags: ["tree"] });
    for (const flags of [[], ["--dry-run"]]) {
      const { code, out } = await command("--tag", "tree", ...flags);
      assert.equal(code, 0, out);
      assert.match(out, /an oak in autumn/);
      assert.match(out, /1 entries, .* would be removed; add --yes/);
    }
    assert.ok(await cached("an oak in autumn"));
    const done = await command("--tag", "tree", "--older-than", "0s", "--yes", "--json");
    assert.equal(done.code, 0, done.out);
    assert.equal(JSON.parse(done.out).count, 1);
    assert.ok(!await cached("an oak in autumn"));
  });

  it("needs a selector, and cannot be told both", async () => {
    assert.equal((await command()).code, 2);
    assert.equal((await command("--all", "--dry-run", "--yes")).code, 2);
    assert.equal((await command("--min-similarity", "0.5", "--all")).code, 2);
    assert.equal((await command("--older-than", "soon")).code, 2);
  });
});
