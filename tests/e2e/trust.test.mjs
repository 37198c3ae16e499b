// Hits that can be corrected, measured and bounded, over real HTTP.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { promisify } from "node:util";

import { withinOneDay } from "./day.mjs";
import { freePort, generate, REPRISE, scratch, sleep, startGateway, startSimulator }
  from "./gateway.mjs";

const run = promisify(execFile);
const QUICK = "simulator:\n  latency: 5ms\n";
const FOX = "a red fox in the snow";
const SAME_FOX = "please draw a red fox in the snow";

async function call(url, method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, json: await response.json() };
}

// Too small for the simulator to write the prompt on it.
const ask = (url, prompt, cache = {}) => generate(url, { prompt, size: "40x40", cache });
const entryOf = (reply) => Number(reply.header("x-reprise-entry"));

// Words that no other number shares, so that prompts are near nothing else.
function subject(number) {
  const letters = "abcdefghijklmnop";
  let state = number * 2654435761 + 12345, words = "";
  for (let i = 0; i < 24; ++i) {
    if (i % 8 === 0) words += " ";
    state = Math.imul(state ^ (state >>> 15), 2246822519) + i;
    words += letters[(state >>> 9) & 15];
  }
  return words;
}

async function until(url, holds) {
  for (;;) {
    const stats = await (await fetch(`${url}/v1/stats`)).json();
    if (holds(stats)) return stats;
    await sleep(20);
  }
}

test("an entry in review gives nothing to a rephrasing, also while its image is made", async () => {
  const gateway = await startGateway({ config: "simulator:\n  latency: 1s\n" });
  try {
    const entry = entryOf(await ask(gateway.url, FOX));
    const said = await call(gateway.url, "POST", "/v1/feedback", { entry, review: true });
    assert.equal(said.status, 200, JSON.stringify(said.json));
    const refreshed = ask(gateway.url, FOX, { "max-age": 0 });
    await until(gateway.url, (stats) => stats.generations_under_way === 1);
    const other = await ask(gateway.url, SAME_FOX);
    assert.equal(other.cache, "MISS");
    assert.notEqual(entryOf(other), entry);
    const own = await refreshed;
    assert.deepEqual([own.cache, entryOf(own)], ["MISS", entry]);
  } finally {
    await gateway.stop();
  }
});

test("a wrong hit that was corrected never comes back, also after kill -9", async () => {
  const place = scratch();
  const port = await freePort();
  let gateway = await startGateway({ data: place.path, port, config: QUICK });
  try {
    const entry = entryOf(await ask(gateway.url, FOX));
    const wrong = await ask(gateway.url, SAME_FOX, { "no-store": true });
    assert.equal(wrong.cache, "HIT SEMANTIC");
    assert.equal(entryOf(wrong), entry);
    const said = await call(gateway.url, "POST", "/v1/feedback",
      { entry, prompt: SAME_FOX, same: false, note: "that was a dog" });
    assert.equal(said.status, 200, JSON.stringify(said.json));
    // Nothing is written at the end: what was acknowledged has to be there.
    await gateway.stop("SIGKILL");
    gateway = await startGateway({ data: place.path, port, config: QUICK });

    const refused = await ask(gateway.url, SAME_FOX, { "no-store": true });
    assert.equal(refused.cache, "MISS");
    assert.equal(refused.header("x-reprise-reason"), "corrected");
    assert.equal(refused.header("x-reprise-refused"), String(entry));
    assert.equal((await ask(gateway.url, FOX)).cache, "HIT EXACT");
    assert.equal((await ask(gateway.url, "draw me a red fox in the snow", { "no-store": true })).cache,
      "HIT SEMANTIC");

    const list = await call(gateway.url, "GET", "/v1/feedback?limit=1");
    assert.equal(list.json.data[0].note, "that was a dog");
    assert.equal(list.json.data[0].entry_prompt, FOX);
    assert.equal(list.json.data[0].same, false);
    assert.equal((await gateway.stats()).feedback.different, 1);
    const rest = await call(gateway.url, "GET", `/v1/feedback?limit=1&before=${list.json.next}`);
    assert.deepEqual(rest.json.data, []);

    const gone = await call(gateway.url, "DELETE", `/v1/feedback/${list.json.data[0].id}`);
    assert.equal(gone.status, 200);
    assert.equal((await ask(gateway.url, SAME_FOX, { "no-store": true })).cache, "HIT SEMANTIC");
  } finally {
    await gateway.stop("SIGKILL");
    place.remove();
  }
});

test("a no holds with the verifier off, and for two requests at once", async () => {
  const gateway = await startGateway({
    config: "cache:\n  match: off\n  similarity_threshold: 0.5\n" + QUICK });
  try {
    const entry = entryOf(await ask(gateway.url, FOX));
    const blue = "a blue fox in the snow";
    assert.equal((await ask(gateway.url, blue, { "no-store": true })).cache, "HIT SEMANTIC");
    await call(gateway.url, "POST", "/v1/feedback", { entry, prompt: blue, same: false });
    const both = await Promise.all([ask(gateway.url, blue), ask(gateway.url, FOX)]);
    assert.deepEqual(both.map((reply) => reply.cache), ["MISS", "HIT EXACT"]);
    assert.notDeepEqual(both[0].bytes, both[1].bytes);
  } finally {
    await gateway.stop();
  }
});

test("an entry in review answers its own prompt only, until it is cleared", async () => {
  const gateway = await startGateway({ config: QUICK });
  try {
    const entry = entryOf(await ask(gateway.url, FOX));
    const review = await call(gateway.url, "POST", "/v1/feedback", { entry, review: true });
    assert.deepEqual(review.json, { entry, in_review: true });
    const refused = await ask(gateway.url, SAME_FOX, { "no-store": true });
    assert.equal(refused.header("x-reprise-reason"), "in review");
    assert.equal((await ask(gateway.url, FOX)).cache, "HIT EXACT");
    assert.deepEqual((await call(gateway.url, "GET", "/v1/feedback")).json.in_review, [entry]);
    assert.equal((await gateway.stats()).feedback.in_review, 1);
    await call(gateway.url, "POST", "/v1/feedback", { entry, review: false });
    assert.equal((await ask(gateway.url, SAME_FOX, { "no-store": true })).cache, "HIT SEMANTIC");
  } finally {
    await gateway.stop();
  }
});

test("feedback that makes no sense names what is wrong", async () => {
  const gateway = await startGateway({ config: QUICK });
  try {
    const entry = entryOf(await ask(gateway.url, FOX));
    const cases = [
      [{ entry: entry + 7, prompt: SAME_FOX, same: false }, 404, "entry"],
      [{ entry, prompt: "A red fox in the SNOW", same: false }, 400, "prompt"],
      [{ entry, prompt: SAME_FOX }, 400, "same"],
      [{ entry, same: false }, 400, "prompt"],
      [{ prompt: SAME_FOX, same: false }, 400, "entry"],
      [{ entry, prompt: SAME_FOX, same: "no" }, 400, "same"],
      [{ entry, vote: 1 }, 400, "vote"],
    ];
    for (const [body, status, param] of cases) {
      const reply = await call(gateway.url, "POST", "/v1/feedback", body);
      assert.equal(reply.status, status, JSON.stringify(reply.json));
      assert.equal(reply.json.error.param, param);
    }
    assert.equal((await call(gateway.url, "POST", "/v1/feedback", "{")).status, 400);
    assert.equal((await call(gateway.url, "GET", "/v1/feedback?page=2")).status, 400);
    assert.equal((await call(gateway.url, "DELETE", "/v1/feedback/99")).status, 404);
    assert.equal((await call(gateway.url, "DELETE", "/v1/feedback/x")).status, 400);
    assert.equal((await ask(gateway.url, SAME_FOX)).cache, "HIT SEMANTIC");
  } finally {
    await gateway.stop();
  }
});

test("the command line gives and lists feedback", async () => {
  const gateway = await startGateway({ config: QUICK });
  const feedback = (...args) => run(REPRISE, ["feedback", "--url", gateway.url, ...args]);
  try {
    const entry = String(entryOf(await ask(gateway.url, FOX)));
    const said = await feedback(entry, SAME_FOX, "--same", "no", "--note", "a dog");
    assert.match(said.stdout, /noted; entry 1 is not in review/);
    assert.match((await feedback()).stdout, /different +please draw a red fox/);
    const list = JSON.parse((await feedback("--json")).stdout);
    assert.equal(list.data[0].note, "a dog");
    await assert.rejects(feedback("77", "x", "--same", "no"), /no entry 77 is stored/);
    const stats = await run(REPRISE, ["stats", "--url", gateway.url]);
    assert.match(stats.stdout, /feedback: 1 pairs are different, 0 the same; 0 entries in review/);
  } finally {
    await gateway.stop();
  }
});

async function auditMeasures() {
  const place = scratch();
  const simulator = await startSimulator({ latency: "5ms" });
  // Cosine alone lets blue answer red: a third of the hits is wrong.
  const config = "cache:\n  match: off\n  similarity_threshold: 0.5\n" +
    "audit:\n  share: 1\n  budget: 4.00\nupstream:\n  prices: {gpt-image-1: 0.04}\n";
  let gateway = await startGateway({ data: place.path, upstream: simulator.url, config });
  try {
    for (let i = 0; i < 60; ++i) {
      await ask(gateway.url, "red" + subject(i));
      const hit = await ask(gateway.url, (i % 3 === 0 ? "blue" : "please draw red") + subject(i));
      assert.equal(hit.cache, "HIT SEMANTIC", String(i));
    }
    const { audit } = await until(gateway.url, ({ audit: a }) =>
      a.sampled + a.skipped >= 60 && a.control.judged >= 20);
    assert.equal(audit.judged, audit.sampled);
    assert.ok(audit.interval[0] <= 1 / 3 && 1 / 3 <= audit.interval[1], JSON.stringify(audit));
    assert.ok(audit.interval[0] > 0, JSON.stringify(audit));
    assert.ok(Math.abs(audit.false_hit_rate - 1 / 3) < 0.15, JSON.stringify(audit));
    assert.ok(audit.spent_usd <= 4.0 + 1e-9, JSON.stringify(audit));
    // An audit is our cost like any other.
    // The last comparison with a control may still be under way.
    let images, spent;
    for (let look = 0; look < 200; ++look) {
      ({ spent_usd: spent } = await gateway.stats());
      ({ images } = await simulator.calls());
      if (Math.abs(spent - images * 0.04) < 0.01) break;
      await new Promise((done) => setTimeout(done, 25));
    }
    assert.ok(Math.abs(spent - images * 0.04) < 0.01, `${spent} for ${images}`);
    const shown = await run(REPRISE, ["stats", "--url", gateway.url]);
    assert.match(shown.stdout, /false hits [\d.]+ % \(95 % interval [\d.]+ % to [\d.]+ %\)/);

    await gateway.stop("SIGKILL");
    gateway = await startGateway({ data: place.path, upstream: simulator.url, config });
    const after = (await gateway.stats()).audit;
    assert.ok(after.sampled >= audit.sampled && after.false_hit_rate > 0, JSON.stringify(after));
    assert.ok(after.spent_usd >= audit.spent_usd - 1e-9, JSON.stringify(after));
  } finally {
    await gateway.stop("SIGKILL");
    await simulator.stop();
    place.remove();
  }
}

test("an audit measures the rate of false hits, with an interval and within its budget",
  () => withinOneDay(auditMeasures));

async function smallBudgetEndsAudit() {
  const gateway = await startGateway({ config:
    "audit:\n  share: 1\n  budget: 0.10\nupstream:\n  prices: {gpt-image-1: 0.04}\n" + QUICK });
  try {
    for (let i = 0; i < 8; ++i) {
      await ask(gateway.url, "a fox and" + subject(i));
      assert.equal((await ask(gateway.url, "please draw a fox and" + subject(i))).cache,
        "HIT SEMANTIC");
    }
    const { audit } = await until(gateway.url, ({ audit: a }) => a.sampled + a.skipped >= 8);
    assert.ok(audit.spent_usd <= 0.1 + 1e-9, JSON.stringify(audit));
    assert.ok(audit.skipped_for.budget >= 5, JSON.stringify(audit));
  } finally {
    await gateway.stop();
  }
}

test("a small budget ends an audit, and replies go on", () => withinOneDay(smallBudgetEndsAudit));

// A vision model that is always of one opinion about a colour in the prompt.
function startJudge() {
  const calls = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (data) => { text += data; });
    request.on("end", () => {
      const body = JSON.parse(text);
      calls.push({ path: request.url, key: request.headers.authorization, body });
      const wrong = JSON.stringify(body.messages).includes("The text: blue");
      // The generated picture is right; which of the two that is, cannot be seen: both is an answer
      // where the prompt is red, and for blue the judge finds only one of them.
      const content = wrong ? 'Well: {"first": "no", "second": true}'
        : '```json\n{"first": true, "second": true}\n```';
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ choices: [{ message: { content } }] }));
    });
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done({
    calls, url: `http://127.0.0.1:${server.address().port}/v1`,
    stop: () => new Promise((closed) => { server.closeAllConnections?.(); server.close(closed); }),
  })));
}

test("a vision model judges through an OpenAI-compatible endpoint", async () => {
  const judge = await startJudge();
  const gateway = await startGateway({ env: { JUDGE_KEY: "sk-judge" }, config:
    "cache:\n  match: off\n  similarity_threshold: 0.5\n" +
    `audit:\n  share: 1\n  budget: 10\n  judge:\n    url: ${judge.url}\n` +
    "    api_key: ${JUDGE_KEY}\n    model: seeing\n    price: 0.001\n" + QUICK });
  try {
    for (let i = 0; i < 12; ++i) {
      await ask(gateway.url, "red" + subject(i));
      await ask(gateway.url, "please draw red" + subject(i));
    }
    const { audit } = await until(gateway.url, ({ audit: a }) => a.judged + a.skipped >= 12);
    assert.equal(audit.judge, "model");
    assert.equal(audit.different, 0);
    assert.equal(audit.false_hit_rate, 0);
    assert.ok(audit.interval[1] < 0.4, JSON.stringify(audit));
    const { path, key, body } = judge.calls[0];
    assert.equal(path, "/v1/chat/completions");
    assert.equal(key, "Bearer sk-judge");
    assert.equal(body.model, "seeing");
    const pictures = body.messages[1].content.filter((part) => part.type === "image_url");
    assert.equal(pictures.length, 2);
    for (const picture of pictures) assert.match(picture.image_url.url, /^data:image\/png;base64,/);

    // With both orders of the pictures, about half of the blue ones are found wrong.
    for (let i = 20; i < 44; ++i) {
      await ask(gateway.url, "red" + subject(i));
      await ask(gateway.url, "blue" + subject(i));
    }
    const later = await until(gateway.url, ({ audit: a }) => a.judged + a.skipped >= 36);
    assert.ok(later.audit.different > 0 && later.audit.different < 24, JSON.stringify(later.audit));
  } finally {
    await gateway.stop();
    await judge.stop();
  }
});

test("with max_error set it explores, learns, and then serves", async () => {
  const judge = await startJudge();
  const place = scratch();
  const config = "cache:\n  max_error: 0.1\n" +
    `audit:\n  budget: 100\n  judge:\n    url: ${judge.url}\n    price: 0\n` + QUICK;
  let gateway = await startGateway({ data: place.path, config });
  try {
    let hits = 0;
    const round = async (i) => {
      await ask(gateway.url, "a red fox and" + subject(i));
      const reply = await ask(gateway.url, "please draw a red fox and" + subject(i));
      if (reply.cache === "MISS") {
        assert.match(reply.header("x-reprise-reason"), /^exploring: /);
        assert.notEqual(reply.header("x-reprise-refused"), null);
      }
      return reply.cache === "HIT SEMANTIC";
    };
    for (let i = 0; i < 30; ++i) hits += await round(i);
    assert.ok(hits < 20, `${hits} of the first 30 were served`);
    for (let i = 30; i < 90; ++i) await round(i);
    await until(gateway.url, (stats) => stats.error_bound.labels >= stats.error_bound.explored);
    await gateway.stop("SIGKILL");
    gateway = await startGateway({ data: place.path, config });
    hits = 0;
    for (let i = 90; i < 120; ++i) hits += await round(i);
    assert.ok(hits >= 22, `${hits} of the last 30 were served`);
    const bound = (await gateway.stats()).error_bound;
    assert.equal(bound.max_error, 0.1);
    assert.equal(bound.different, 0);

    // A caller may be stricter; only-if-cached then finds nothing rather than something uncertain.
    const reply = await generate(gateway.url, { prompt: "please draw a red fox and" + subject(1000) },
      { "X-Reprise-Max-Error": "1.5" });
    assert.equal(reply.status, 400);
  } finally {
    await gateway.stop("SIGKILL");
    await judge.stop();
    place.remove();
  }
});
