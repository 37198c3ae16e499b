// Starts from a snapshot: what was stored is served, and a snapshot that is damaged or gone costs
// time, no image.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generate, scratch, startGateway, startSimulator } from "./gateway.mjs";

// A snapshot is written from 10,000 entries on. Most of them are copies of one, made in the
// database: they take up room as any other.
const COPIES = 10_000;
const COPY = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA foreign_keys = ON")
for i in range(int(sys.argv[2])):
    entry = db.execute("""
        INSERT INTO entries(scope, fingerprint, compatibility, prompt, model, bucket, width, height,
          params, category, created_ms, expires_ms, cost_usd, generation_ms, hits, last_used_ms)
        SELECT scope, randomblob(32), compatibility, prompt || ' ' || ?, model, bucket, width, height,
          params, category, created_ms, expires_ms, cost_usd, generation_ms, hits, last_used_ms
        FROM entries WHERE id = 1""", (i,)).lastrowid
    db.execute("""
        INSERT INTO images(entry, position, id, blob, media_type, width, height, bytes,
          revised_prompt, created_ms, expires_ms)
        SELECT ?, position, lower(hex(randomblob(16))), blob, media_type, width, height, bytes,
          revised_prompt, created_ms, expires_ms FROM images WHERE entry = 1""", (entry,))
    db.execute("INSERT INTO vectors(entry, embedder, value) "
               "SELECT ?, embedder, value FROM vectors WHERE entry = 1", (entry,))
db.commit()
`;

// What is copied, with its vector: nobody asks for it in other words.
const COPIED = "seven lemons in a blue bowl";
const PROMPTS = ["a red fox in the snow", "two owls on a castle wall", "a robot playing the violin"];

const root = scratch();
const data = join(root.path, "data");
const snapshots = join(data, "snapshots");
let simulator;
const bytes = new Map();  // of each prompt's image

const start = () => startGateway({ data, upstream: simulator.url });
const ask = (url, prompt) => generate(url, { prompt, size: "64x64", response_format: "b64_json" });
const snapshotFile = () => join(snapshots, readdirSync(snapshots).find((name) => name.endsWith(".snapshot")));

// Everything is there, and found in the same and in other words.
async function check(gateway, entries) {
  for (const prompt of PROMPTS) {
    const exact = await ask(gateway.url, prompt);
    assert.equal(exact.cache, "HIT EXACT", exact.text);
    assert.deepEqual(exact.bytes, bytes.get(prompt));
    const other = await ask(gateway.url, `Please draw ${prompt}!`);
    assert.equal(other.cache, "HIT SEMANTIC", other.header("x-reprise-reason"));
  }
  const stats = await gateway.stats();
  assert.equal(stats.entries, entries);
  assert.equal(stats.vectors, entries);
  assert.equal(stats.reembedding.total, 0);
  // Copies share one picture, which counts once.
  const images = [...bytes.values()].reduce((sum, image) => sum + image.length, 0);
  assert.ok(stats.storage.bytes >= images && stats.storage.bytes < images + entries * 5000,
    JSON.stringify(stats.storage));
}

before(async () => {
  mkdirSync(data);
  simulator = await startSimulator({ latency: "1ms" });
  const gateway = await start();
  for (const prompt of [COPIED, ...PROMPTS]) {
    const made = await ask(gateway.url, prompt);
    assert.equal(made.cache, "MISS", made.text);
    bytes.set(prompt, made.bytes);
  }
  await gateway.stop();
  assert.doesNotMatch(gateway.process.log, /snapshot/, "four entries need none");
  execFileSync("python3", ["-c", COPY, join(data, "reprise.db"), String(COPIES)]);
});

after(async () => {
  await simulator.stop();
  root.remove();
});

test("a snapshot is written at the end, and read at the next start", async () => {
  let gateway = await start();
  assert.match(gateway.process.log, /10004 entries read in .* from the store/);
  await check(gateway, COPIES + 4);
  await gateway.stop();
  assert.match(gateway.process.log, /a snapshot of 10004 entries is written/);
  gateway = await start();
  assert.match(gateway.process.log, /10004 entries read in .* from a snapshot and 0 that have/);
  await check(gateway, COPIES + 4);
  await gateway.stop("SIGKILL");
});

test("what has changed since is replayed, also after a kill", async () => {
  let gateway = await start();
  const made = await ask(gateway.url, "a lighthouse beside a frozen lake");
  assert.equal(made.cache, "MISS");
  await gateway.stop("SIGKILL");
  gateway = await start();
  assert.match(gateway.process.log, /10005 entries read in .* from a snapshot and \d+ that have/);
  const again = await ask(gateway.url, "a lighthouse beside a frozen lake");
  assert.equal(again.cache, "HIT EXACT");
  assert.deepEqual(again.bytes, made.bytes);
  await check(gateway, COPIES + 5);
  await gateway.stop();
});

test("a damaged snapshot is not used, says why, and is written again", async () => {
  const file = snapshotFile(), sound = readFileSync(file);
  const damaged = Buffer.from(sound);
  damaged[damaged.length >> 1] ^= 1;
  writeFileSync(file, damaged);
  let gateway = await start();
  assert.match(gateway.process.log, /the snapshot is not used, every entry is read from the store: .*checksum/);
  await check(gateway, COPIES + 5);
  await gateway.stop();
  assert.match(gateway.process.log, /a snapshot of 10005 entries is written/);
  gateway = await start();
  assert.match(gateway.process.log, /from a snapshot and 0 that/);
  await gateway.stop();
});

test("without its directory everything is read from the store", async () => {
  rmSync(snapshots, { recursive: true });
  const gateway = await start();
  assert.match(gateway.process.log, /not used, every entry is read from the store: there is no/);
  await check(gateway, COPIES + 5);
  await gateway.stop();
});
