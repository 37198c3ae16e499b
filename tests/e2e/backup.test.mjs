// Backup while a gateway runs, import into an empty data directory, and the repair of damaged ones.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { addKey } from "./keys.mjs";
import { REPRISE, generate, scratch, startGateway, startSimulator } from "./gateway.mjs";

let simulator;
before(async () => { simulator = await startSimulator({ latency: "1ms" }); });
after(() => simulator.stop());

const run = (...args) => {
  const { status, stdout, stderr } = spawnSync(REPRISE, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return { code: status, out: stdout, err: stderr };
};
const json = (...args) => {
  const { code, out, err } = run(...args, "--json");
  assert.equal(code, 0, err);
  return JSON.parse(out);
};
const ask = (url, prompt, more = {}) => generate(url, { prompt, size: "64x64", ...more });
const files = (data) => readdirSync(join(data, "blobs"), { recursive: true }).map((name) => join(data, "blobs", name))
  .filter((path) => statSync(path).isFile() && !/lock$|store-id$/.test(path));

describe("export and import", () => {
  let data, copy, archive, gateway, kept;
  before(async () => {
    [data, copy] = [scratch(), scratch()];
    archive = `${copy.path}/backup.tar`;
    gateway = await startGateway({ data: data.path, upstream: simulator.url });
    kept = [];
    for (const prompt of ["a red fox in the snow", "a harbour at night", "\u8d64\u3044\u8eca"]) {
      kept.push({ prompt, bytes: (await ask(gateway.url, prompt)).bytes });
    }
  });
  after(async () => {
    await gateway.stop();
    for (const place of [data, copy]) place.remove();
  });

  it("writes an archive while the gateway writes on", async () => {
    let running = true;
    const writes = (async () => {
      for (let i = 0; running; ++i) assert.equal((await ask(gateway.url, `a street, number ${i}`)).status, 200);
    })();
    const child = spawn(REPRISE, ["export", archive, "--data", data.path]);
    const code = await new Promise((done) => child.on("exit", done));
    running = false;
    await writes;
    assert.equal(code, 0);
    assert.ok(!existsSync(`${archive}.part`));
    const names = execFileSync("tar", ["tf", archive], { encoding: "utf8" }).split("\n");
    assert.equal(names[0], "archive.json");
    assert.ok(names.filter((name) => name.startsWith("images/")).length >= kept.length);
  });

  it("has neither keys nor secrets in it", () => {
    const key = addKey(data.path, "acme");
    const dump = execFileSync("sh", ["-c", `"${REPRISE}" export - --data ${data.path} 2>/dev/null | strings`],
      { encoding: "utf8", maxBuffer: 1 << 28 });
    assert.ok(dump.includes("a red fox in the snow"));
    assert.ok(!dump.includes(key) && !dump.includes("rpk_"));
  });

  it("an empty data directory answers from it, exactly and by meaning, with the same bytes", async () => {
    const fresh = scratch();
    const imported = json("import", archive, "--data", fresh.path);
    assert.ok(imported.entries >= kept.length);
    assert.equal(imported.left_out, 0);
    const calls = (await simulator.calls()).image_calls;
    const restored = await startGateway({ data: fresh.path, upstream: simulator.url });
    for (const { prompt, bytes } of kept) {
      const reply = await ask(restored.url, prompt);
      assert.equal(reply.cache, "HIT EXACT");
      assert.deepEqual(reply.bytes, bytes);
    }
    const rephrased = await ask(restored.url, "Red fox in the snow!");
    assert.equal(rephrased.cache, "HIT SEMANTIC");
    assert.deepEqual(rephrased.bytes, kept[0].bytes);
    assert.equal((await simulator.calls()).image_calls, calls);
    const refused = run("import", archive, "--data", fresh.path);
    assert.equal(refused.code, 1, "not while a gateway runs");
    assert.match(refused.err, /locked by process/);
    await restored.stop();

    const again = json("import", archive, "--data", fresh.path);
    assert.deepEqual([again.entries, again.images, again.corrections], [0, 0, 0], "twice is once");
    assert.equal(json("doctor", "--repair", "--data", fresh.path).damages, 0);
    fresh.remove();
  });

  it("respects limits, and leaves no file behind for what it left out", () => {
    const fresh = scratch();
    writeFileSync(`${fresh.path}/c.yaml`, `data: ${fresh.path}/data\ncache:\n  max_entries: 2\n`);
    const imported = json("import", archive, "--config", `${fresh.path}/c.yaml`);
    assert.equal(imported.entries, 2);
    assert.ok(imported.left_out > 0);
    assert.equal(json("doctor", "--repair", "--config", `${fresh.path}/c.yaml`).damages, 0);
    fresh.remove();
  });

  it("says when an archive is cut off, changed or none", () => {
    const fresh = scratch();
    const cut = `${fresh.path}/cut.tar`;
    writeFileSync(cut, readFileSync(archive));
    truncateSync(cut, statSync(archive).size - 2048);
    const early = run("import", cut, "--data", `${fresh.path}/a`);
    assert.equal(early.code, 1);
    assert.match(early.err, /damaged/);
    const bytes = readFileSync(archive);
    bytes[bytes.indexOf("\x89PNG", 0, "latin1") + 40] ^= 1;
    writeFileSync(cut, bytes);
    const changed = run("import", cut, "--data", `${fresh.path}/b`);
    assert.equal(changed.code, 1);
    assert.match(changed.err, /other bytes than its name says/);
    writeFileSync(cut, "hello");
    assert.match(run("import", cut, "--data", `${fresh.path}/c`).err, /archive is damaged/);
    assert.notEqual(run("export", `${fresh.path}/x.tar`, "--data", `${fresh.path}/nowhere`).code, 0);
    fresh.remove();
  });
});

describe("doctor --repair", () => {
  let data, kept;
  before(async () => {
    data = scratch();
    const gateway = await startGateway({ data: data.path, upstream: simulator.url });
    kept = [];
    for (let i = 0; i < 6; ++i) kept.push((await ask(gateway.url, `a house, number ${i}`)).bytes);
    const refused = run("doctor", "--repair", "--data", data.path);
    assert.equal(refused.code, 1, "not while a gateway runs");
    assert.match(refused.err, /locked by process/);
    await gateway.stop();
  });
  after(() => data.remove());

  const fileOf = (bytes) => files(data.path).find((path) => readFileSync(path).equals(bytes));
  const counts = ({ findings }) => Object.fromEntries(findings.filter(({ count }) => count)
    .map(({ what, count }) => [what, count]));

  it("finds nothing wrong with what a gateway left", () => {
    const report = json("doctor", "--repair", "--data", data.path);
    assert.deepEqual(counts(report), {});
    assert.deepEqual([report.entries, report.images, report.files], [6, 6, 6]);
  });

  it("mends every kind of damage, and the gateway goes on with the rest", async () => {
    rmSync(fileOf(kept[0]));
    const damaged = Buffer.from(kept[1]);
    damaged[damaged.length >> 1] ^= 1;
    writeFileSync(fileOf(kept[1]), damaged);
    truncateSync(fileOf(kept[2]), 100);
    const orphan = join(data.path, "blobs", "ab");
    execFileSync("mkdir", ["-p", orphan]);
    writeFileSync(join(orphan, "c".repeat(62)), "nobody's");
    writeFileSync(join(data.path, "blobs", "tmp", "1"), "half");
    execFileSync("python3", ["-c", `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT INTO vectors VALUES(4242, 'e', x'0001')")
db.execute("INSERT INTO tags VALUES(4242, 0, 't')")
db.commit()`, join(data.path, "reprise.db")]);

    const plain = run("doctor", "--data", data.path, "--upstream", simulator.url);
    assert.match(plain.out, /warning\s+storage.*images_without_file.*\n.*doctor --repair/);
    const report = json("doctor", "--repair", "--data", data.path);
    assert.deepEqual(counts(report), { images_without_file: 1, images_damaged: 2, entries_without_images: 3,
      files_without_image: 1, unfinished_files: 1, vectors_of_no_entry: 1, tags_of_no_entry: 1 });
    assert.deepEqual([report.entries, report.files], [3, 3]);
    assert.deepEqual(counts(json("doctor", "--repair", "--data", data.path)), { quarantined_files: 2 });
    assert.match(run("doctor", "--repair", "--data", data.path).out, /nothing was wrong: 3 entries/);

    const gateway = await startGateway({ data: data.path, upstream: simulator.url });
    for (const [i, bytes] of kept.entries()) {
      const reply = await ask(gateway.url, `a house, number ${i}`);
      assert.equal(reply.cache, i < 3 ? "MISS" : "HIT EXACT");
      if (i >= 3) assert.deepEqual(reply.bytes, bytes);
    }
    await gateway.stop();
  });
});
