// The command line: output for people and for programs, exit codes.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { REPRISE, freePort, imageInfo, scratch, startGateway, startSimulator } from "./gateway.mjs";

let directory;
before(() => { directory = scratch(); });
after(() => directory.remove());

const run = (...args) => spawnSync(REPRISE, args, { cwd: directory.path, encoding: "utf8" });

describe("reprise explain", () => {
  it("says hit or miss, and why", () => {
    const hit = JSON.parse(run("explain", "a red fox in the snow", "A red fox in snow.", "--json").stdout);
    assert.equal(hit.decision, "hit");
    assert.ok(hit.similarity >= 0.85 && hit.cosine > 0.5);
    const miss = JSON.parse(run("explain", "a blue car", "a grey car", "--json").stdout);
    assert.deepEqual([miss.decision, miss.reason], ["miss", "colour: blue/grey"]);
    assert.match(run("explain", "a blue car", "a grey car").stdout, /^miss .*\ncolour: blue\/grey: .+\n$/);
  });

  it("reads pairs and echoes the columns before them", () => {
    const file = join(directory.path, "pairs.tsv");
    writeFileSync(file, "hit\tcase\ta red fox\tA RED FOX\nmiss\tcount\ttwo cats\tthree cats\n");
    const lines = run("explain", "--pairs", file, "--json").stdout.trim().split("\n").map(JSON.parse);
    assert.deepEqual(lines.map(({ decision }) => decision), ["hit", "miss"]);
    assert.deepEqual(lines[1].columns, ["miss", "count"]);
    for (const key of ["similarity", "cosine", "reason"]) assert.ok(key in lines[0]);
    writeFileSync(file, "a\tb\nalone\n");
    const wrong = run("explain", "--pairs", file);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /pairs\.tsv:2: /);
  });
});

describe("reprise demo", () => {
  it("plays its prompts, hits no near miss, and ends with 0", () => {
    const { status, stdout } = run("demo", "--once", "--latency", "20ms", "--listen", "127.0.0.1:0");
    assert.equal(status, 0, stdout);
    assert.match(stdout, /near misses answered from the cache: 0 of \d\d/);
    assert.match(stdout, /HIT SEMANTIC/);
    assert.match(stdout, /HIT INFLIGHT/);
  });
});

describe("reprise generate", () => {
  it("works with nothing running, and keeps what it made", async () => {
    const port = await freePort();
    const common = ["--listen", `127.0.0.1:${port}`, "--data", "d", "--config", "c.yaml"];
    writeFileSync(join(directory.path, "c.yaml"), "simulator: {latency: 1ms}");
    const first = run("generate", "a tin soldier", "-o", "s.webp", "--size", "128x128", "--tag", "toys", ...common);
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /^s\.webp: MISS/);
    assert.equal(imageInfo(readFileSync(join(directory.path, "s.webp"))).type, "webp");
    const second = run("generate", "a tin soldier", "-o", "s.png", "--size", "128x128", "--json", ...common);
    assert.deepEqual([JSON.parse(second.stdout).cache, JSON.parse(second.stdout).type], ["HIT", "EXACT"]);
    assert.deepEqual(imageInfo(readFileSync(join(directory.path, "s.png"))),
      { type: "png", width: 128, height: 128 });
  });

  it("uses a running gateway, and passes its errors on", async () => {
    const gateway = await startGateway({ config: "simulator: {latency: 1ms}" });
    const made = run("generate", "a tin drum", "-o", "t.png", "--url", gateway.url);
    assert.equal(made.status, 0, made.stderr);
    assert.equal((await gateway.stats()).requests.miss, 1);
    const refused = run("generate", "simulate:refuse", "-o", "t.png", "--url", gateway.url);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /safety system/);
    assert.notEqual(run("generate", "x", "-o", "/nonexistent/x.png", "--url", gateway.url).status, 0);
    await gateway.stop();
  });
});

describe("reprise stats", () => {
  it("shows a running gateway's figures, or how to start one", async () => {
    const gateway = await startGateway();
    assert.match(run("stats", "--url", gateway.url).stdout, /0 requests/);
    assert.equal(JSON.parse(run("stats", "--url", gateway.url, "--json").stdout).entries, 0);
    await gateway.stop();
    const gone = run("stats", "--url", gateway.url);
    assert.equal(gone.status, 1);
    assert.match(gone.stderr, /reprise serve/);
  });
});

describe("reprise doctor", () => {
  it("finds a healthy set-up healthy", async () => {
    const simulator = await startSimulator({ latency: "1ms" });
    const port = await freePort();
    const healthy = run("doctor", "--data", "doc", "--listen", `127.0.0.1:${port}`, "--upstream", simulator.url);
    assert.equal(healthy.status, 0, healthy.stdout);
    assert.match(healthy.stdout, /ok +upstream/);
    await simulator.stop();
    const broken = run("doctor", "--data", "doc", "--listen", `127.0.0.1:${port}`, "--upstream", simulator.url, "--json");
    assert.equal(broken.status, 1);
    const upstream = JSON.parse(broken.stdout).find(({ what }) => what === "upstream");
    assert.equal(upstream.state, "failed");
    assert.ok(upstream.action.length > 10);
  });

  it("does not call a database broken that another gateway has open", async () => {
    const gateway = await startGateway({ data: directory.path });
    const result = run("doctor", "--data", directory.path, "--listen", "127.0.0.1:1", "--json");
    const database = JSON.parse(result.stdout).find(({ what }) => what === "database");
    assert.match(JSON.stringify(database), /locked by process \d+/);
    assert.match(database.action, /--listen/);
    assert.doesNotMatch(database.action, /restore|move/);
    await gateway.stop();
  });

  it("says what is wrong with a configuration or a directory", () => {
    writeFileSync(join(directory.path, "wrong.yaml"), "chache: {}\n");
    const config = run("doctor", "--config", "wrong.yaml");
    assert.equal(config.status, 1);
    assert.match(config.stdout, /unknown setting 'chache'/);
    const data = run("doctor", "--data", "/proc/nowhere");
    assert.equal(data.status, 1);
    assert.match(data.stdout, /failed +data/);
  });
});

describe("usage", () => {
  it("wrong usage exits with 2, help with 0", () => {
    assert.equal(run().status, 2);
    assert.equal(run("fly").status, 2);
    assert.equal(run("serve", "--listen", "nowhere").status, 2);
    assert.equal(run("simulate", "--error-rate", "7").status, 2);
    assert.equal(run("explain", "only one").status, 2);
    for (const name of ["serve", "demo", "generate", "explain", "stats", "doctor", "simulate"]) {
      assert.equal(run(name, "--help").status, 0);
    }
    assert.match(execFileSync(REPRISE, ["--version"], { encoding: "utf8" }), /^\d+\.\d+\.\d+\n$/);
  });

  it("an address that is taken is said clearly", async () => {
    const gateway = await startGateway();
    const second = run("serve", "--listen", new URL(gateway.url).host, "--data", "other");
    assert.equal(second.status, 1);
    assert.match(second.stderr, /cannot listen on 127\.0\.0\.1:\d+/);
    await gateway.stop();
  });
});
