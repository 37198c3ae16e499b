// A disk that fills up under a running gateway: a small tmpfs in a namespace of its own, which needs
// no privileges where user namespaces are allowed.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { REPRISE, generate, scratch, startSimulator } from "./gateway.mjs";

const MOUNTS = ["-rm", "sh", "-c"];
const allowed = spawnSync("unshare", [...MOUNTS, "mount -t tmpfs -o size=1m none /mnt"]).status === 0;
const skip = allowed ? false : "user namespaces are not allowed here";

// A tmpfs on `path`, seen by the programs that `run` starts.
async function smallDisk(path, megabytes) {
  const holder = spawn("unshare",
    [...MOUNTS, `mount -t tmpfs -o size=${megabytes}m none ${path} && echo ready && exec cat`]);
  await new Promise((done, fail) => {
    holder.stdout.once("data", done);
    holder.once("exit", () => fail(new Error("no namespace")));
  });
  const inside = `/proc/${holder.pid}/root${path}`;
  return {
    run: (args, options) => spawn("nsenter",
      ["--preserve-credentials", "-U", "-m", "-t", String(holder.pid), REPRISE, ...args], options),
    // Leaves no byte free.
    fill: () => {
      const file = openSync(join(inside, "ballast"), "w");
      for (let size = 1 << 20; size >= 1; size = size > 4096 ? size >> 1 : size >> 12) {
        try { for (;;) writeSync(file, Buffer.alloc(size)); } catch { /* full at this size */ }
      }
      closeSync(file);
    },
    free: () => rmSync(join(inside, "ballast")),
    release: () => holder.kill("SIGKILL"),
  };
}

async function serve(disk, data, upstream, config) {
  const child = disk.run(["serve", "--listen", "127.0.0.1:0", "--data", data, "--config", config,
    "--upstream", upstream], { stdio: ["ignore", "ignore", "pipe"] });
  const gateway = { child, log: "" };
  child.stderr.on("data", (text) => { gateway.log += text; });
  gateway.exited = new Promise((done) => child.once("exit", (code) => done(code)));
  while (!gateway.url) {
    gateway.url = gateway.log.match(/listens on (http:\S+)/)?.[1];
    if (child.exitCode !== null) throw new Error(gateway.log);
    await new Promise((done) => setTimeout(done, 10));
  }
  gateway.stats = async () => (await fetch(`${gateway.url}/v1/stats`)).json();
  gateway.stop = (signal = "SIGTERM") => { child.kill(signal); return gateway.exited; };
  return gateway;
}

const ask = (gateway, prompt, more = {}) =>
  generate(gateway.url, { prompt, size: "128x128", ...more });

for (const sync of ["behind", "before"]) {
  test(`a full disk (sync: ${sync}): hits go on, misses are served, and room is enough to recover`,
    { skip }, async (t) => {
      const simulator = await startSimulator({ latency: "1ms" });
      const place = scratch();
      const data = join(place.path, "data");
      const config = join(place.path, "reprise.yaml");
      spawnSync("mkdir", [data]);
      writeFileSync(config, `cache: {min_free_disk: 0, memory: 0, sync: ${sync}}\n`);
      const disk = await smallDisk(data, 8);
      let gateway = await serve(disk, data, simulator.url, config);
      t.after(async () => {
        await gateway.stop("SIGKILL");
        disk.release();
        await simulator.stop();
        place.remove();
      });
      const kept = [];
      for (const word of ["fox", "castle", "lemon", "piano"]) {
        const made = await ask(gateway, `a ${word}`);
        assert.match(made.header("cache-status"), /; stored;/);
        kept.push({ prompt: `a ${word}`, bytes: made.bytes });
      }
      const hitAll = async () => {
        for (const { prompt, bytes } of kept) {
          const hit = await ask(gateway, prompt);
          assert.equal(hit.cache, "HIT EXACT", prompt);
          assert.deepEqual(hit.bytes, bytes);
        }
      };

      disk.fill();
      await hitAll();
      assert.equal((await ask(gateway, "A castle.")).cache, "HIT SEMANTIC");
      for (const word of ["tractor", "violin", "glacier"]) {
        const miss = await ask(gateway, `a ${word}`);
        assert.equal(miss.status, 200, miss.text);
        assert.equal(miss.cache, "MISS");
        assert.ok(miss.bytes.length > 100);
        assert.equal(miss.header("x-reprise-entry"), null);
        assert.match(miss.header("x-reprise-store-error"), /No space left on device|disk is full/);
      }
      const full = await gateway.stats();
      assert.equal(full.images_not_stored.error, 3);
      assert.match(full.storage.error, /No space left on device.*free some|disk is full/);
      assert.equal(full.entries, kept.length);
      assert.match(gateway.log, /served but not stored.*(No space left on device|disk is full)/);
      await hitAll();

      disk.free();
      const stored = await ask(gateway, "a tractor");
      assert.match(stored.header("cache-status"), /; stored;/, "it recovers by itself");
      kept.push({ prompt: "a tractor", bytes: stored.bytes });
      assert.equal((await gateway.stats()).storage.error, null);

      disk.fill();
      assert.equal((await ask(gateway, "a violin")).status, 200);
      await gateway.stop("SIGKILL");
      disk.free();
      gateway = await serve(disk, data, simulator.url, config);
      await hitAll();
      assert.equal((await gateway.stats()).entries, kept.length);
      assert.match((await ask(gateway, "a violin")).header("cache-status"), /; stored;/);
      assert.equal(await gateway.stop(), 0);
    });
}
