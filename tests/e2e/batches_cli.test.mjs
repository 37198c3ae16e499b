// `reprise generate --batch`.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { call } from "./batch_client.mjs";
import { REPRISE, freePort, imageInfo, scratch, startGateway, startSimulator } from "./gateway.mjs";

const BATCH = `
defaults: {size: 64x64}
variables: {client: Acme}
items:
  hero:
    prompt: "a banner for {{client}}"
  again:
    prompt: a banner for Acme
  photo:
    prompt: |
      a wide valley
    output_format: jpeg
`;

let directory;
before(() => { directory = scratch(); });
after(() => directory.remove());

const run = (...args) => spawnSync(REPRISE, args, { cwd: directory.path, encoding: "utf8" });
const write = (name, text) => {
  writeFileSync(join(directory.path, name), text);
  return name;
};

describe("reprise generate --batch", () => {
  it("works with nothing running, and a second time costs nothing", async () => {
    const port = await freePort();
    const args = ["generate", "--batch", write("b.yaml", BATCH), "--out", "out",
      "--listen", `127.0.0.1:${port}`, "--data", "d",
      "--config", write("c.yaml", "simulator: {latency: 1ms}")];
    const first = run(...args);
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /^3 images in out: 1 hits, 2 misses, 0 failed; \$0\.\d+ saved\n$/);
    assert.doesNotMatch(first.stderr, /\[#/);  // no terminal, no bar
    const out = join(directory.path, "out");
    assert.deepEqual(readdirSync(out).sort(), ["again.png", "hero.png", "photo.jpeg"]);
    const file = (name) => readFileSync(join(out, name));
    assert.deepEqual(imageInfo(file("hero.png")), { type: "png", width: 64, height: 64 });
    assert.deepEqual(file("again.png"), file("hero.png"));
    assert.equal(imageInfo(file("photo.jpeg")).type, "jpeg");
    const second = JSON.parse(run(...args, "--json").stdout);
    assert.deepEqual([second.hits, second.misses, second.failed], [3, 0, 0]);
    assert.deepEqual(second.items.hero.files, ["out/hero.png"]);
    assert.ok(second.saved_usd > 0);
  });

  it("uses a running gateway; a failed item is named, and the others are there", async () => {
    const gateway = await startGateway({ config: "simulator: {latency: 1ms}" });
    const file = write("f.yaml", "items: {good: {prompt: a kite}, bad: {prompt: 'simulate:refuse'}}");
    const result = run("generate", "--batch", file, "--out", "some", "--url", gateway.url);
    assert.equal(result.status, 1, result.stderr);
    assert.match(result.stderr, /^bad: .*safety system/m);
    assert.match(result.stdout, /1 images in some: 0 hits, 1 misses, 1 failed/);
    assert.deepEqual(readdirSync(join(directory.path, "some")), ["good.png"]);
    await gateway.stop();
  });

  it("interrupted, it cancels the batch", async () => {
    const simulator = await startSimulator({ latency: "300ms" });
    const gateway = await startGateway({ upstream: simulator.url, config: "batches: {concurrency: 1}" });
    const file = write("i.yaml", "items: {a: {prompt: one apple}, b: {prompt: two pears}, c: {prompt: six figs}}");
    const child = spawn(REPRISE, ["generate", "--batch", file, "--out", "cut", "--url", gateway.url],
      { cwd: directory.path });
    const exited = new Promise((done) => child.once("exit", done));
    while ((await simulator.calls()).image_calls === 0) await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGINT");
    assert.equal(await exited, 1);
    const [batch] = (await call(gateway.url, "/v1/batches")).json.data;
    assert.equal(batch.state, "cancelled");
    assert.ok(batch.counts.cancelled >= 1);
    assert.ok(existsSync(join(directory.path, "cut", "a.png")));
    await gateway.stop();
    await simulator.stop();
  });

  it("says what is wrong with the file or the command", () => {
    const wrong = (file, ...rest) => run("generate", "--batch", file, "--out", "w", "--url", "http://127.0.0.1:1", ...rest);
    const broken = wrong(write("w.yaml", "items:\n  a: {prompt: x}\n  b: [1\n"));
    assert.equal(broken.status, 2);
    assert.match(broken.stderr, /w\.yaml:\d+: /);
    assert.equal(wrong("nowhere.yaml").status, 2);
    assert.equal(wrong("b.yaml", "a prompt").status, 2);
    assert.equal(run("generate", "--batch", "b.yaml").status, 2);
    assert.equal(run("generate", "a prompt").status, 2);
    assert.equal(wrong("b.yaml").status, 1);  // nothing answers there
  });
});
