// Files that a crash left without an entry are removed at the next start; others are not touched.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generate, scratch, startGateway } from "./gateway.mjs";

test("a start removes image files that no entry refers to, and nothing else", async (t) => {
  const data = scratch();
  t.after(() => data.remove());
  const config = "simulator.latency: 0\n";
  const body = { prompt: "a red fox in the snow", size: "128x128" };
  let gateway = await startGateway({ data: data.path, config });
  const { bytes } = await generate(gateway.url, body);
  await gateway.stop("SIGKILL");

  const leaks = ["never acknowledged", "its removal was cut off"].map((text) => {
    const name = createHash("sha256").update(text).digest("hex");
    const folder = join(data.path, "blobs", name.slice(0, 2));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, name.slice(2));
    writeFileSync(path, text);
    return path;
  });
  const foreign = join(data.path, "blobs", "ab", "notes.txt");
  mkdirSync(join(data.path, "blobs", "ab"), { recursive: true });
  writeFileSync(foreign, "not an image of the store");

  gateway = await startGateway({ data: data.path, config });
  t.after(() => gateway.stop());
  let storage;
  do ({ storage } = await gateway.stats()); while (storage.checking);
  assert.equal(storage.leaks_removed, leaks.length);
  for (const path of leaks) assert.ok(!existsSync(path));
  assert.ok(existsSync(foreign));
  const hit = await generate(gateway.url, body);
  assert.equal(hit.cache, "HIT EXACT");
  assert.deepEqual(hit.bytes, bytes);
});

test("a start without its database removes no image, and it is there when the database is back", async (t) => {
  const data = scratch();
  t.after(() => data.remove());
  const config = "simulator.latency: 0\n";
  const body = { prompt: "a red fox in the snow", size: "128x128" };
  let gateway = await startGateway({ data: data.path, config });
  const { bytes } = await generate(gateway.url, body);
  await gateway.stop();
  const files = readdirSync(data.path).filter((name) => /^reprise\.db(-wal|-shm)?$/.test(name));
  const move = (from, to) => {
    for (const name of files) renameSync(join(data.path, from, name), join(data.path, to, name));
  };
  mkdirSync(join(data.path, "aside"));
  move("", "aside");

  gateway = await startGateway({ data: data.path, config });
  let storage;
  do ({ storage } = await gateway.stats()); while (storage.checking);
  assert.equal(storage.leaks_removed, 0);
  assert.match(gateway.process.log, /belong to another database/);
  await gateway.stop();
  for (const name of readdirSync(data.path).filter((name) => /^reprise\.db(-wal|-shm)?$/.test(name))) {
    renameSync(join(data.path, name), join(data.path, `${name}.empty`));
  }
  move("aside", "");

  gateway = await startGateway({ data: data.path, config });
  t.after(() => gateway.stop());
  const hit = await generate(gateway.url, body);
  assert.equal(hit.cache, "HIT EXACT");
  assert.deepEqual(hit.bytes, bytes);
});
