// RunPod's serverless API as plain curl uses it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { imageInfo, sleep, startGateway, startSimulator } from "./gateway.mjs";

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

function curl(...args) {
  return new Promise((done, fail) => {
    execFile("curl", ["-s", "-i", ...args], { encoding: "latin1", maxBuffer: 64 << 20 }, (error, out) => {
      if (error) return fail(error);
      const end = out.indexOf("\r\n\r\n");
      const [line, ...lines] = out.slice(0, end).split("\r\n");
      const headers = Object.fromEntries(lines.map((text) => {
        const colon = text.indexOf(":");
        return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
      }));
      done({ status: Number(line.split(" ")[1]), headers, json: JSON.parse(out.slice(end + 4)),
        cache: [headers["x-cache"], headers["x-cache-type"]].filter(Boolean).join(" ") });
    });
  });
}
const post = (path, body, base = url) =>
  curl("-H", "Authorization: Bearer key", "-H", "Content-Type: application/json", base + path,
    "-d", typeof body === "string" ? body : JSON.stringify(body));
const get = (path, base = url) => curl(base + path);

// Asks until the job has ended; the job itself has a deadline.
async function ended(endpoint, id, base = url) {
  for (;;) {
    const reply = await get(`/v2/${endpoint}/status/${id}`, base);
    if (!["IN_QUEUE", "IN_PROGRESS"].includes(reply.json.status)) return reply;
    await sleep(20);
  }
}

describe("/runsync", () => {
  it("goes on when its client leaves: the image is there for the next", async () => {
    const slow = await startSimulator({ latency: "200ms" });
    const own = await startGateway({ upstream: slow.url });
    const body = { input: { prompt: "a lamp on a pier", width: 128, height: 128 } };
    const leaves = new AbortController();
    const left = fetch(`${own.url}/v2/gpt-image-1/runsync`, {
      method: "POST", signal: leaves.signal,
      headers: { "Content-Type": "application/json", Authorization: "Bearer key" },
      body: JSON.stringify(body) });
    while ((await slow.calls()).image_calls === 0) await sleep(5);
    leaves.abort();
    await assert.rejects(left);
    const reply = await post("/v2/gpt-image-1/runsync", body, own.url);
    assert.match(reply.cache, /^HIT (INFLIGHT|EXACT)$/);
    assert.equal((await slow.calls()).image_calls, 1);
    await own.stop();
    await slow.stop();
  });

  it("answers with the images: a miss, then hits", async () => {
    const body = { input: { prompt: "a red fox in the snow", width: 512, height: 512 } };
    const miss = await post("/v2/gpt-image-1/runsync", body);
    assert.equal(miss.status, 200);
    assert.equal(miss.cache, "MISS");
    const { id, status, delayTime, executionTime, output } = miss.json;
    assert.match(id, /^sync-[0-9a-f]{32}$/);
    assert.equal(status, "COMPLETED");
    assert.ok(Number.isInteger(delayTime) && Number.isInteger(executionTime));
    assert.equal(output.image_url, output.images[0]);
    const bytes = Buffer.from(await (await fetch(output.image_url)).arrayBuffer());
    assert.deepEqual(imageInfo(bytes), { type: "png", width: 512, height: 512 });

    const before = await calls();
    const hit = await post("/v2/gpt-image-1/runsync", body);
    assert.equal(hit.cache, "HIT EXACT");
    assert.deepEqual(hit.json.output, output);
    assert.notEqual(hit.json.id, id);
    const semantic = await post("/v2/gpt-image-1/runsync",
      { input: { ...body.input, prompt: "A red fox in snow." } });
    assert.equal(semantic.cache, "HIT SEMANTIC");
    assert.deepEqual(semantic.json.output, output);
    assert.equal(await calls(), before);
  });

  it("the endpoint is the model, and every input counts", async () => {
    const input = { prompt: "an oak", width: 256, height: 256 };
    await post("/v2/gpt-image-1/runsync", { input });
    assert.equal((await post("/v2/dall-e-2/runsync", { input })).cache, "MISS");
    for (const more of [{ seed: 7 }, { negative_prompt: "leaves" }, { num_inference_steps: 30 }]) {
      assert.equal((await post("/v2/gpt-image-1/runsync", { input: { ...input, ...more } })).cache, "MISS");
    }
    for (const more of [{ seed: null }, { negative_prompt: "" }, { num_images: 1 }]) {
      assert.equal((await post("/v2/gpt-image-1/runsync", { input: { ...input, ...more } })).cache, "HIT EXACT",
        JSON.stringify(more));
    }
    const two = await post("/v2/gpt-image-1/runsync", { input: { ...input, num_images: 2 } });
    assert.equal(two.json.output.images.length, 2);
  });

  it("gives data: URLs on request", async () => {
    const { json } = await post("/v2/gpt-image-1/runsync",
      { input: { prompt: "an owl", width: 128, height: 128, response_format: "b64_json" } });
    const [, base64] = json.output.image_url.match(/^data:image\/png;base64,(.*)$/);
    assert.equal(imageInfo(Buffer.from(base64, "base64")).width, 128);
  });

  it("a refused prompt is a failed job", async () => {
    const reply = await post("/v2/gpt-image-1/runsync", { input: { prompt: "simulate:refuse" } });
    assert.equal(reply.status, 200);
    assert.equal(reply.json.status, "FAILED");
    assert.ok(reply.json.error.length > 0);
    assert.equal(reply.json.output, undefined);
    assert.equal(reply.cache, "MISS");
  });

  it("requests that are no job get an error", async () => {
    for (const body of ["{", "{}", { input: {} }, { input: { prompt: "a", width: 1 } },
      { input: { prompt: "a" }, webhook: "http://a.example" }]) {
      const reply = await post("/v2/gpt-image-1/runsync", body);
      assert.equal(reply.status, 400, JSON.stringify(body));
      assert.equal(typeof reply.json.error, "string");
    }
    assert.equal((await post("/v2/gpt-image-1/runsync?wait=5", { input: { prompt: "a" } })).status, 400);
  });
});

describe("/run", () => {
  it("gives an id at once, and /status the result: a miss, then a hit", async () => {
    const body = { input: { prompt: "a paper crane", width: 256, height: 256 } };
    for (const cache of ["MISS", "HIT EXACT"]) {
      const run = await post("/v2/gpt-image-1/run", body);
      assert.equal(run.status, 200);
      assert.deepEqual(run.json, { id: run.json.id, status: "IN_QUEUE" });
      const done = await ended("gpt-image-1", run.json.id);
      assert.equal(done.json.status, "COMPLETED");
      assert.equal(done.cache, cache);
      assert.equal((await fetch(done.json.output.image_url)).status, 200);
      const posted = await post(`/v2/gpt-image-1/status/${run.json.id}`, "");
      assert.deepEqual(posted.json, done.json);
    }
  });

  it("knows its own jobs only", async () => {
    const { json } = await post("/v2/gpt-image-1/run", { input: { prompt: "a jug", width: 64, height: 64 } });
    assert.equal((await get(`/v2/dall-e-2/status/${json.id}`)).status, 404);
    assert.equal((await get("/v2/gpt-image-1/status/nothing")).status, 404);
    assert.equal((await post("/v2/gpt-image-1/cancel/nothing", "")).status, 404);
    assert.match((await get("/v2/gpt-image-1/status/nothing")).json.error, /no such job/);
    await ended("gpt-image-1", json.id);
  });

  it("twenty of one prompt are generated once", async () => {
    const before = await calls();
    const body = { input: { prompt: "a brass telescope", width: 64, height: 64 } };
    const runs = await Promise.all(Array.from({ length: 20 }, () => post("/v2/gpt-image-1/run", body)));
    const done = await Promise.all(runs.map(({ json }) => ended("gpt-image-1", json.id)));
    assert.equal(new Set(done.map(({ json }) => json.output.image_url)).size, 1);
    assert.equal(await calls(), before + 1);
  });
});

describe("jobs that take their time", () => {
  it("runsync that waited long enough gives an id that /status knows", async (t) => {
    const slow = await startSimulator({ latency: "4s" });
    const other = await startGateway({ upstream: slow.url });
    t.after(async () => {
      await other.stop();
      await slow.stop();
    });
    const body = { input: { prompt: "a slow snail", width: 64, height: 64 } };
    const reply = await post("/v2/gpt-image-1/runsync?wait=1000", body, other.url);
    assert.equal(reply.json.status, "IN_PROGRESS");
    assert.equal(reply.json.output, undefined);
    const done = await ended("gpt-image-1", reply.json.id, other.url);
    assert.equal(done.json.status, "COMPLETED");
    assert.ok(done.json.executionTime >= 4000);
    assert.equal((await slow.calls()).image_calls, 1);
  });

  it("can be cancelled", async () => {
    const { json } = await post("/v2/gpt-image-1/run", { input: { prompt: "simulate:hang" } });
    const cancelled = await post(`/v2/gpt-image-1/cancel/${json.id}`, "");
    assert.equal(cancelled.status, 200);
    assert.equal(cancelled.json.status, "CANCELLED");
    assert.equal((await get(`/v2/gpt-image-1/status/${json.id}`)).json.status, "CANCELLED");
    assert.equal((await post(`/v2/gpt-image-1/cancel/${json.id}`, "")).json.status, "CANCELLED");
  });

  it("a job that has ended is not cancelled", async () => {
    const { json } = await post("/v2/gpt-image-1/runsync",
      { input: { prompt: "a quick hare", width: 64, height: 64 } });
    assert.equal((await post(`/v2/gpt-image-1/cancel/${json.id}`, "")).json.status, "COMPLETED");
  });
});
