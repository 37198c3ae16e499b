// Tenants share nothing: every route, asked with another tenant's key for what is not that tenant's.
// It answers as if it were not there, in the words it has for what never was.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { scratch, startGateway, startSimulator } from "./gateway.mjs";
import { addKey, caller, until } from "./keys.mjs";
import { blackPng } from "./hostile_images.mjs";

const prompt = "a red fox in the snow", rephrased = "A red fox in snow.";
const image = { prompt, size: "64x64", response_format: "url" };

// The routes as the program has them.
const rules = [...readFileSync(new URL("../../src/gateway/route_rules.cc", import.meta.url), "utf8")
  .matchAll(/RouteRule\{"(\w+)", "([^"]+)"/g)].map(([, method, pattern]) => `${method} ${pattern}`);

let data, simulator, gateway;
let owner, ownerAdmin, other, otherAdmin;  // callers
let theirs;                                // what the owner has

before(async () => {
  data = scratch();
  simulator = await startSimulator({ latency: "1ms" });
  const keyOf = (tenant, scopes) => addKey(data.path, tenant, "--scopes", scopes);
  const keys = [keyOf("owner", "generate,read"), keyOf("owner", "admin,read,generate"),
    keyOf("other", "generate,read"), keyOf("other", "admin,generate")];
  gateway = await startGateway({ data: data.path, upstream: simulator.url });
  [owner, ownerAdmin, other, otherAdmin] = keys.map((key) => caller(gateway.url, key));
  theirs = await fill();
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
  data.remove();
});

async function fill() {
  const made = await owner("POST", "/v1/generate", image);
  assert.equal(made.status, 200, made.text);
  const feedback = await owner("POST", "/v1/feedback",
    { entry: made.json.entry, prompt: "a blue fox in the snow", same: false });
  assert.equal(feedback.status, 200, feedback.text);
  const batch = await owner("POST", "/v1/batches", { mode: "background", items: { one: image } });
  assert.equal(batch.status, 202, batch.text);
  await until(async () => (await owner("GET", `/v1/batches/${batch.json.id}`)).json.state === "done");
  const job = await owner("POST", "/v2/gpt-image-1/runsync", { input: { prompt, width: 64, height: 64 } });
  assert.equal(job.json.status, "COMPLETED", job.text);
  return { entry: made.json.entry, link: made.json.images[0].url, name: made.json.images[0].name,
    feedback: feedback.json.id, batch: batch.json.id, job: job.json.id };
}

// The same answer as for what never was, but for the name that was asked for.
async function asIfNotThere(ask, method, path, id, absent, body) {
  const [found, missing] = [await ask(method, path.replace("ID", id), body?.(id)),
    await ask(method, path.replace("ID", absent), body?.(absent))];
  assert.equal(found.status, 404, `${method} ${path}: ${found.text}`);
  assert.equal(missing.status, 404);
  const without = (reply, name) => reply.text.replace(new RegExp(`\\b${name}\\b`, "g"), "ID");
  assert.equal(without(found, id), without(missing, absent));
}

const miss = (reply) => {
  assert.equal(reply.status, 200, reply.text.slice(0, 300));
  assert.equal(reply.header("x-cache"), "MISS", "nothing of another tenant answers");
  assert.equal(reply.header("x-reprise-similarity"), null, "no neighbour is told of");
  assert.equal(reply.header("x-reprise-refused"), null);
};

const form = (fields) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return body;
};
const picture = () => new Blob([blackPng(64, 64)], { type: "image/png" });
const absentImage = () => `${"0".repeat(32)}${theirs.name.slice(32)}`;
const absentJob = () => theirs.job.replace(/[0-9a-f]{4}$/, "zzzz");
const absentBatch = () => theirs.batch.replace(/.{4}$/, "zzzz");

// What each route does for the other tenant.
const tries = {
  "GET /healthz": async () => assert.deepEqual((await other("GET", "/healthz")).json, { status: "ok" }),
  "GET /readyz": async () => assert.deepEqual((await other("GET", "/readyz")).json, { status: "ready" }),

  "GET /images/{file}": async () => {
    assert.equal((await owner("GET", `/images/${theirs.name}`)).status, 200);
    await asIfNotThere(other, "GET", "/images/ID", theirs.name, absentImage());
    const [stem, format] = theirs.name.split(".");
    for (const rendition of ["_32x32", "_5000x5000"]) {
      const ask = (ofStem) => other("GET", `/images/${ofStem}${rendition}.${format}`);
      const [found, missing] = [await ask(stem), await ask("0".repeat(32))];
      assert.equal(found.status, missing.status);
      assert.equal(found.text.replaceAll(stem, "ID"), missing.text.replaceAll("0".repeat(32), "ID"));
    }
  },

  "POST /v1/images/generations": async () => {
    miss(await other("POST", "/v1/images/generations", image));
    assert.equal((await owner("POST", "/v1/images/generations", image)).header("x-cache-type"), "EXACT");
  },
  "POST /v1/images/edits": async () => {
    const ask = (who) => who("POST", "/v1/images/edits", form({ prompt, size: "64x64", image: picture() }));
    miss(await ask(owner));
    miss(await ask(other));
    assert.equal((await ask(owner)).header("x-cache"), "HIT");
  },
  "POST /v1/images/variations": async () => {
    const ask = (who) => who("POST", "/v1/images/variations", form({ size: "256x256", image: picture() }));
    miss(await ask(owner));
    miss(await ask(other));
    assert.equal((await ask(owner)).header("x-cache"), "HIT");
  },
  "POST /v1/chat/completions": () => chat("/v1/chat/completions", "a heron"),
  "POST /api/v1/chat/completions": () => chat("/api/v1/chat/completions", "a stork"),
  "GET /v1/models": async () =>
    assert.deepEqual((await other("GET", "/v1/models")).json, (await owner("GET", "/v1/models")).json),
  "GET /v1/models/{id}": async () => assert.equal((await other("GET", "/v1/models/gpt-image-1")).status, 200),
  "GET /v1/models/{maker}/{id}": async () => assert.equal((await other("GET", "/v1/models/a/b")).status, 404),

  "GET /prompt/{prompt...}": () => pollinations("/prompt/a%20tall%20lighthouse"),
  "GET /image/{prompt...}": () => pollinations("/image/a%20small%20windmill"),

  "POST /v2/{endpoint}/runsync": async () => {
    const ask = (who) => who("POST", "/v2/gpt-image-1/runsync", { input: { prompt: "an old bridge", width: 64, height: 64 } });
    miss(await ask(owner));
    miss(await ask(other));
  },
  "POST /v2/{endpoint}/run": async () => {
    const ask = (who) => who("POST", "/v2/gpt-image-1/run", { input: { prompt: "a wooden boat", width: 64, height: 64 } });
    const [mine, yours] = [await ask(owner), await ask(other)];
    assert.notEqual(mine.json.id, yours.json.id);
    assert.equal((await other("GET", `/v2/gpt-image-1/status/${mine.json.id}`)).status, 404);
    assert.equal((await owner("GET", `/v2/gpt-image-1/status/${yours.json.id}`)).status, 404);
  },
  "GET /v2/{endpoint}/status/{id}": () =>
    asIfNotThere(other, "GET", "/v2/gpt-image-1/status/ID", theirs.job, absentJob()),
  "POST /v2/{endpoint}/status/{id}": () =>
    asIfNotThere(other, "POST", "/v2/gpt-image-1/status/ID", theirs.job, absentJob()),
  "POST /v2/{endpoint}/cancel/{id}": async () => {
    await asIfNotThere(other, "POST", "/v2/gpt-image-1/cancel/ID", theirs.job, absentJob());
    assert.equal((await owner("GET", `/v2/gpt-image-1/status/${theirs.job}`)).json.status, "COMPLETED");
  },

  "POST /v1/generate": async () => {
    const heron = { ...image, quality: "high", prompt: "a grey heron on a wooden pier" };
    const again = { ...heron, prompt: "A grey heron on wooden pier." };
    miss(await owner("POST", "/v1/generate", heron));
    assert.equal((await owner("POST", "/v1/generate", again)).header("x-cache-type"), "SEMANTIC");
    for (const asked of [heron, again]) {
      miss(await other("POST", "/v1/generate", { ...asked, cache: { "no-store": true } }));
    }
    for (const more of [{}, { namespace: "owner" }, { namespace: '","owner' }, { similarity_threshold: 0 }]) {
      const reply = await other("POST", "/v1/generate",
        { ...again, cache: { ...more, "only-if-cached": true } });
      assert.ok([504, 400].includes(reply.status), reply.text);
    }
    const spoofed = await other("POST", "/v1/generate", { ...image, prompt: "a lamp", tenant: "owner" },
      { "X-Tenant": "owner", "X-Reprise-Tenant": "owner" });
    miss(spoofed);
    assert.equal((await owner("POST", "/v1/generate", { ...image, prompt: "a lamp", tenant: "owner" })).header("x-cache"), "MISS");
  },
  "POST /v1/batches": async () => {
    const reply = await other("POST", "/v1/batches", { mode: "wait", items: { one: { ...image, prompt: "a quiet harbour" } } });
    assert.equal(reply.json.items.one.cache.status, "MISS", reply.text);
    const again = await owner("POST", "/v1/batches", { mode: "wait", items: { one: { ...image, prompt: "a quiet harbour" } } });
    assert.equal(again.json.items.one.cache.status, "MISS");
  },
  "GET /v1/batches": async () => {
    assert.ok((await owner("GET", "/v1/batches")).json.data.some(({ id }) => id === theirs.batch));
    assert.deepEqual((await other("GET", "/v1/batches")).json, { data: [], next: null });
    const own = await other("POST", "/v1/batches", { mode: "background", items: { one: { ...image, prompt: "a bench" } } });
    const from = async (id) => (await other("GET", `/v1/batches?before=${id}`)).json;
    assert.deepEqual(await from(theirs.batch), await from(absentBatch()));
    assert.equal((await owner("GET", "/v1/batches")).text.includes(own.json.id), false);
  },
  "GET /v1/batches/{id}": () => asIfNotThere(other, "GET", "/v1/batches/ID", theirs.batch, absentBatch()),
  "DELETE /v1/batches/{id}": () => asIfNotThere(other, "DELETE", "/v1/batches/ID", theirs.batch, absentBatch()),
  "GET /v1/batches/{id}/images": () => asIfNotThere(other, "GET", "/v1/batches/ID/images", theirs.batch, absentBatch()),
  "GET /v1/batches/{id}/events": () => asIfNotThere(other, "GET", "/v1/batches/ID/events", theirs.batch, absentBatch()),

  "POST /v1/feedback": async () => {
    for (const more of [{ prompt: "a dog", same: true }, { review: true }]) {
      await asIfNotThere(other, "POST", "/v1/feedback", theirs.entry, 999999, (entry) => ({ entry, ...more }));
    }
    assert.equal((await owner("POST", "/v1/generate", image)).header("x-cache"), "HIT", "it is not in review");
  },
  "GET /v1/feedback": async () => {
    assert.equal((await owner("GET", "/v1/feedback")).json.data.length, 1);
    assert.deepEqual((await other("GET", "/v1/feedback")).json, { data: [], next: null, in_review: [] });
  },
  "DELETE /v1/feedback/{id}": async () => {
    await asIfNotThere(other, "DELETE", "/v1/feedback/ID", theirs.feedback, 999999);
    assert.equal((await owner("GET", "/v1/feedback")).json.data.length, 1);
  },

  "GET /v1/stats": async () => {
    const quiet = caller(gateway.url, addKey(data.path, "quiet", "--scopes", "read"));
    await until(async () => (await quiet("GET", "/v1/models")).status === 200);
    const none = (await quiet("GET", "/v1/stats")).json;
    assert.equal(none.tenant, "quiet");
    assert.deepEqual([none.requests.total, none.saved_usd, none.spent_usd, none.upstream.calls], [0, 0, 0, 0]);
    const [mine, yours] = [(await owner("GET", "/v1/stats")), (await other("GET", "/v1/stats"))];
    assert.ok(mine.json.requests.total > 0 && yours.json.requests.total > 0);
    for (const reply of [mine, yours]) {
      for (const member of ["entries", "vectors", "upstreams", "partitions", "embedder", "audit"]) {
        assert.ok(!(member in reply.json), member);
      }
    }
    assert.ok(!yours.text.includes("owner") && !mine.text.includes("other"));
    const all = (await ownerAdmin("GET", "/v1/stats")).json;
    assert.equal(all.requests.total, mine.json.requests.total + yours.json.requests.total);
    assert.ok(all.entries > 0);
  },

  "GET /metrics": async () => {
    for (const ask of [owner, other]) assert.equal((await ask("GET", "/metrics")).status, 403);
    const { text } = await otherAdmin("GET", "/metrics");
    assert.match(text, /^reprise_stored_entries [1-9]/m);
    assert.doesNotMatch(text, /owner|fox/);
  },

  "DELETE /v1/entries/{id}": async () => {
    await asIfNotThere(otherAdmin, "DELETE", "/v1/entries/ID", theirs.entry, 999999);
    assert.equal((await other("DELETE", `/v1/entries/${theirs.entry}`)).status, 403);
    assert.equal((await other("DELETE", "/v1/entries/999999")).status, 403);
    assert.equal((await owner("GET", `/images/${theirs.name}`)).status, 200);
  },
  "POST /v1/purge": async () => {
    for (const selector of [{ entries: [theirs.entry] }, { prompt, min_similarity: 0 }, { namespace: "owner" }]) {
      for (const dry_run of [true, false]) {
        const purged = await otherAdmin("POST", "/v1/purge", { ...selector, dry_run });
        assert.equal(purged.status, 200, purged.text);
        assert.ok(!purged.json.entries.some(({ id }) => id === theirs.entry));
      }
    }
    assert.equal((await otherAdmin("POST", "/v1/purge", { all: true, dry_run: false })).status, 200);
    assert.equal((await owner("GET", `/images/${theirs.name}`)).status, 200);
    assert.equal((await owner("POST", "/v1/generate", image)).header("x-cache"), "HIT");
  },
};

async function chat(path, subject) {
  const ask = (who) => who("POST", path, { model: "gpt-image-1", messages: [{ role: "user", content: subject }] });
  miss(await ask(owner));
  miss(await ask(other));
  assert.equal((await ask(owner)).header("x-cache"), "HIT");
}

async function pollinations(path) {
  const ask = (who) => who("GET", `${path}?width=64&height=64`);
  const mine = await ask(owner);
  miss(mine);
  assert.match(mine.header("cache-control"), /^private/, "no shared cache may show it to others");
  miss(await ask(other));
  assert.equal((await ask(owner)).header("x-cache"), "HIT");
}

describe("another tenant's key", () => {
  it("is tried on every route", () => {
    assert.ok(rules.length > 25);
    assert.deepEqual(Object.keys(tries).sort(), [...rules].sort());
  });
  for (const [route, attempt] of Object.entries(tries)) it(route, attempt);

  it("without a scope says the same for what is there and what is not", async () => {
    const reader = caller(gateway.url, addKey(data.path, "other", "--scopes", "admin"));
    await until(async () => (await reader("GET", "/v1/models")).status === 403);
    for (const [method, path, id, absent] of [["GET", "/images/ID", theirs.name, absentImage()],
      ["GET", "/v1/batches/ID", theirs.batch, absentBatch()]]) {
      const [found, missing] = [await reader(method, path.replace("ID", id)), await reader(method, path.replace("ID", absent))];
      assert.deepEqual([found.status, found.text], [403, missing.text]);
    }
  });
});

describe("in flight", () => {
  it("a tenant's request waits for its own only", async () => {
    const place = scratch(), waiting = [];
    const upstream = createServer((request, response) => {
      request.resume();
      waiting.push(response);
    });
    await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
    const keys = ["owner", "other"].map((tenant) => addKey(place.path, tenant));
    const busy = await startGateway({ data: place.path, config: "upstream:\n  attempts: 1\n",
      upstream: `http://127.0.0.1:${upstream.address().port}/v1` });
    const replies = [image, { ...image, prompt: rephrased }].map((body, i) =>
      caller(busy.url, keys[i])("POST", "/v1/images/generations", body));
    await until(() => waiting.length === 2);
    for (const response of waiting) response.writeHead(500).end();
    for (const reply of await Promise.all(replies)) assert.ok(reply.status >= 500);
    await busy.stop();
    upstream.close();
    place.remove();
  });
});
