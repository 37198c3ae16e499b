// What survives: kill -9 right after a reply, restarts, damaged files, and a graceful end.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePort, generate, scratch, sleep, startGateway, startSimulator } from "./gateway.mjs";

let simulator;
before(async () => { simulator = await startSimulator({ latency: "10ms" }); });
after(() => simulator.stop());

const calls = async () => (await simulator.calls()).image_calls;

function blobs(directory) {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile() && !/lock$|store-id$|quarantine/.test(path));
}

describe("after kill -9", () => {
  it("an acknowledged image is an exact hit with the same bytes, again and again", async () => {
    const data = scratch();
    const acknowledged = [];
    for (let round = 0; round < 5; round++) {
      const gateway = await startGateway({ data: data.path, upstream: simulator.url });
      for (const { body, bytes } of acknowledged) {
        const reply = await generate(gateway.url, body);
        assert.equal(reply.cache, "HIT EXACT");
        assert.deepEqual(reply.bytes, bytes);
      }
      const body = { prompt: `a harbour, picture ${round}`, size: "128x128" };
      const reply = await generate(gateway.url, body);
      await gateway.process.stop("SIGKILL");
      assert.equal(reply.cache, "MISS");
      acknowledged.push({ body, bytes: reply.bytes });
    }
    data.remove();
  });

  it("rephrasings, sizes, links and options are still known", async () => {
    const data = scratch();
    const port = await freePort();
    const first = await startGateway({ data: data.path, upstream: simulator.url, port });
    const body = { prompt: "a red fox in the snow", size: "512x512", response_format: "url" };
    const link = (await generate(first.url, body)).json.data[0].url;
    const bytes = Buffer.from(await (await fetch(link)).arrayBuffer());
    await first.process.stop("SIGKILL");

    const second = await startGateway({ data: data.path, upstream: simulator.url, port });
    assert.deepEqual(Buffer.from(await (await fetch(link)).arrayBuffer()), bytes);
    const rephrased = await generate(second.url, { prompt: "Red fox in the snow!", size: "512x512" });
    assert.equal(rephrased.cache, "HIT SEMANTIC");
    assert.deepEqual(rephrased.bytes, bytes);
    const refused = await generate(second.url, { prompt: "a grey fox in the snow", size: "512x512" });
    assert.equal(refused.cache, "MISS");
    await second.stop();
    data.remove();
  });
});

describe("damage on disk", () => {
  it("a damaged blob is a miss, set aside and made again; a missing one too", async () => {
    const data = scratch();
    const body = { prompt: "a cracked vase", size: "128x128" };
    for (const damage of [
      (path) => writeFileSync(path, readFileSync(path).fill(7, 100, 200)),
      (path) => writeFileSync(path, readFileSync(path).subarray(0, 50)),
      (path) => rmSync(path),
    ]) {
      const writer = await startGateway({ data: data.path, upstream: simulator.url });
      const made = await generate(writer.url, body);
      await writer.stop();
      const files = blobs(join(data.path, "blobs"));
      assert.equal(files.length, 1);
      damage(files[0]);
      const reader = await startGateway({ data: data.path, upstream: simulator.url });
      const again = await generate(reader.url, body);
      assert.equal(again.status, 200);
      assert.equal(again.cache, "MISS");
      assert.notDeepEqual(again.bytes, made.bytes);
      assert.equal((await generate(reader.url, body)).cache, "HIT EXACT");
      await reader.stop();
    }
    data.remove();
  });

  it("a second process on the same data is refused clearly", async () => {
    const data = scratch();
    const gateway = await startGateway({ data: data.path, upstream: simulator.url });
    await assert.rejects(startGateway({ data: data.path, upstream: simulator.url }),
      /in use|another process|locked|has .* open/i);
    await gateway.stop();
    data.remove();
  });

  it("removing the last reference removes the file", async () => {
    const data = scratch();
    const gateway = await startGateway({ data: data.path, upstream: simulator.url });
    const body = { prompt: "a paper lantern", size: "128x128" };
    await generate(gateway.url, body);
    const before = blobs(join(data.path, "blobs"));
    await generate(gateway.url, { ...body, cache: { "no-cache": true } });
    const after = blobs(join(data.path, "blobs"));
    assert.equal(after.length, 1);
    assert.notDeepEqual(after, before);
    await gateway.stop();
    data.remove();
  });
});

describe("SIGTERM", () => {
  it("lets requests under way finish, refuses new connections, exits 0", async () => {
    const slow = await startSimulator({ latency: "1s" });
    const gateway = await startGateway({ upstream: slow.url });
    const waiting = generate(gateway.url, { prompt: "a slow ferry", size: "64x64" });
    while ((await slow.calls()).image_calls === 0) await sleep(10);
    const ended = gateway.stop("SIGTERM");
    const reply = await waiting;
    assert.equal(reply.status, 200);
    assert.equal(reply.header("connection"), "close");
    assert.deepEqual(await ended, { code: 0, signal: null });
    await assert.rejects(fetch(`${gateway.url}/healthz`));
    await slow.stop();
  });

  it("does not wait for clients that have left", async () => {
    const slow = await startSimulator({ latency: "300ms" });
    const gateway = await startGateway({
      upstream: slow.url, config: "limits: {drain_timeout: 10m}",
    });
    const leaving = new AbortController();
    const gone = fetch(`${gateway.url}/v1/images/generations`, {
      method: "POST", headers: { "Content-Type": "application/json" }, signal: leaving.signal,
      body: JSON.stringify({ prompt: "an unwanted parcel", size: "64x64" }),
    });
    while ((await slow.calls()).image_calls === 0) await sleep(10);
    leaving.abort();
    await assert.rejects(gone);
    assert.deepEqual(await gateway.stop("SIGTERM"), { code: 0, signal: null });
    await slow.stop();
  });

  it("while idle connections are open, ends at once", async () => {
    const gateway = await startGateway({ upstream: simulator.url });
    await fetch(`${gateway.url}/healthz`);  // fetch keeps the connection
    assert.deepEqual(await gateway.stop("SIGTERM"), { code: 0, signal: null });
  });
});

describe("use counts", () => {
  it("are kept across a restart", async () => {
    const data = scratch();
    const first = await startGateway({ data: data.path, upstream: simulator.url });
    const body = { prompt: "a counted coin", size: "64x64" };
    for (let i = 0; i < 4; i++) await generate(first.url, body);
    assert.equal((await first.stats()).requests.exact, 3);
    await first.stop();
    const before = await calls();
    const second = await startGateway({ data: data.path, upstream: simulator.url });
    assert.equal((await generate(second.url, body)).cache, "HIT EXACT");
    assert.equal(await calls(), before);
    await second.stop();
    data.remove();
  });
});
