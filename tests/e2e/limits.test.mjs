// What is stored stays within its limits, and the requests do not notice.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { REPRISE, generate, scratch, startGateway, startSimulator } from "./gateway.mjs";

// Prompts that share no words, so that none answers another.
const WORDS = ["fox", "castle", "lemon", "piano", "tractor", "violin", "glacier", "desk", "whale",
  "bridge", "candle", "kite", "tulip", "anchor", "saddle", "comet", "barrel", "harp", "igloo",
  "lantern", "magnet", "needle", "orchid", "pretzel", "quilt", "rocket", "statue", "teapot",
  "umbrella", "wagon"];

const blobFiles = (data) => readdirSync(join(data, "blobs"), { withFileTypes: true })
  .filter((folder) => folder.isDirectory() && folder.name.length === 2)
  .flatMap((folder) => readdirSync(join(data, "blobs", folder.name))
    .map((name) => join(data, "blobs", folder.name, name)));
const blobBytes = (data) => blobFiles(data).reduce(
  (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);

const ask = (url, prompt, more = {}) => generate(url, { prompt, size: "256x256", ...more });

// Until nothing is being removed: what a pass removes is gone from memory before it is from disk.
async function settled(gateway, data) {
  for (;;) {
    const { storage } = await gateway.stats();
    const files = blobFiles(data);
    if (storage.bytes === blobBytes(data) + 4096 * storage.entries
        && storage.entries === files.length) return storage;
    await new Promise((done) => setTimeout(done, 10));
  }
}

test("a byte budget holds, every image is stored, and totals survive kill -9", async (t) => {
  const simulator = await startSimulator();
  const data = scratch();
  t.after(async () => { await simulator.stop(); data.remove(); });
  const limit = 150 * 1024;
  const options = { data: data.path, upstream: simulator.url,
    config: `cache:\n  max_bytes: ${limit}\n  mode: exact\n` };
  let gateway = await startGateway(options);
  t.after(async () => gateway.stop());
  for (const word of WORDS) {
    const made = await ask(gateway.url, `a ${word}`);
    assert.equal(made.status, 200, made.text);
    assert.equal(made.cache, "MISS");
    assert.equal(made.header("x-reprise-store-error"), null);
    assert.match(made.header("cache-status"), /; stored;/);
    assert.ok(blobBytes(data.path) <= limit);
    assert.ok((await gateway.stats()).storage.bytes <= limit);
  }
  const before = await settled(gateway, data.path);
  const { removed_images: removed } = await gateway.stats();
  assert.ok(before.entries < WORDS.length);
  assert.equal(removed.bytes, WORDS.length - before.entries);
  assert.ok(before.bytes > limit / 2, "no more goes than has to");
  const printed = spawnSync(REPRISE, ["stats", "--url", gateway.url]).stdout.toString();
  assert.match(printed, new RegExp(`in ${before.entries} entries\n`));
  assert.match(printed, new RegExp(`${removed.bytes} over max_bytes`));
  // Which ones stay depends on how long each took to make; they are there, and their links answer.
  let hits = 0;
  for (const word of WORDS) {
    const stored = await ask(gateway.url, `a ${word}`,
      { response_format: "url", cache: { "only-if-cached": true } });
    if (stored.cache !== "HIT EXACT") continue;
    hits += 1;
    assert.equal((await fetch(stored.json.data[0].url)).status, 200);
  }
  assert.equal(hits, before.entries);

  await gateway.stop("SIGKILL");
  gateway = await startGateway(options);
  const { storage } = await gateway.stats();
  assert.equal(storage.bytes, before.bytes);
  assert.equal(storage.entries, before.entries);
});

test("an entry budget holds under many requests at once", async (t) => {
  const simulator = await startSimulator();
  const data = scratch();
  const gateway = await startGateway({ data: data.path, upstream: simulator.url,
    config: "cache:\n  max_entries: 5\n  mode: exact\n" });
  t.after(async () => { await gateway.stop(); await simulator.stop(); data.remove(); });
  const made = await Promise.all(WORDS.map((word) => ask(gateway.url, `a ${word}`)));
  for (const reply of made) {
    assert.equal(reply.status, 200, reply.text);
    assert.match(reply.header("cache-status"), /; stored;/);
  }
  const storage = await settled(gateway, data.path);
  assert.ok(storage.entries <= 5);
  assert.equal((await gateway.stats()).removed_images.entries, WORDS.length - storage.entries);
});

test("tags shorten how long an image is kept", async (t) => {
  const gateway = await startGateway({
    config: "cache:\n  ttl: 1h\n  tag_ttl: {draft: 10m, sketch: 5m}\nsimulator.latency: 0\n" });
  t.after(() => gateway.stop());
  const ttl = async (prompt, cache) => {
    await ask(gateway.url, prompt, { cache });
    const hit = await ask(gateway.url, prompt);
    return Number(hit.header("cache-status").match(/ttl=(\d+)/)[1]);
  };
  const near = (seconds, limit) => assert.ok(seconds <= limit && seconds > limit - 60, `${seconds}`);
  near(await ttl("a fox"), 3600);
  near(await ttl("a castle", { tags: ["draft"] }), 600);
  near(await ttl("a lemon", { tags: ["other", "draft", "sketch"] }), 300);
  near(await ttl("a piano", { tags: ["draft"], ttl: 120 }), 120);
});

test("below the floor of free disk nothing is stored, until there is more", async (t) => {
  const GB = 2 ** 30;
  // A disk of its own, where others do not write meanwhile.
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const disk = statfsSync(place);
  const free = disk.bavail * disk.bsize;
  const data = mkdtempSync(join(place, "reprise-e2e-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const ballast = join(data, "ballast");
  const size = Math.min(4 * GB, Math.floor(free / 2));
  const floor = free - Math.floor(size / 2);
  const gateway = await startGateway({ data,
    config: `cache.min_free_disk: ${floor}\nsimulator.latency: 0\n` });
  t.after(() => gateway.stop());

  assert.match((await ask(gateway.url, "a fox")).header("cache-status"), /; stored;/);
  execFileSync("fallocate", ["-l", String(size), ballast]);
  const low = await ask(gateway.url, "a castle");
  assert.equal(low.status, 200);
  assert.equal(low.cache, "MISS");
  assert.doesNotMatch(low.header("cache-status"), /stored/);
  assert.match(low.header("x-reprise-store-error"), /cache\.min_free_disk/);
  assert.equal(low.header("x-reprise-entry"), null);
  assert.ok(low.bytes.length > 0);
  assert.equal((await ask(gateway.url, "a fox")).cache, "HIT EXACT", "hits go on");
  const stats = await gateway.stats();
  assert.equal(stats.images_not_stored.disk, 1);
  assert.equal(stats.removed_images.disk, 0, "removing all would not have helped");
  assert.ok(stats.storage.free_disk_bytes < floor);

  rmSync(ballast);
  assert.match((await ask(gateway.url, "a castle")).header("cache-status"), /; stored;/);
  assert.equal((await ask(gateway.url, "a castle")).cache, "HIT EXACT");
});
