// GET /metrics: what Prometheus would read, who may, and that every number moves with what it counts.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { metricsOf, valueOf } from "./exposition.mjs";
import { NOBODY, REPRISE, freePort, generate, scratch, startGateway, startSimulator } from "./gateway.mjs";
import { addKey, caller } from "./keys.mjs";

describe("metrics", () => {
  let simulator, gateway;
  before(async () => {
    simulator = await startSimulator({ latency: "100ms" });
    gateway = await startGateway({ upstream: simulator.url, config: "cache:\n  max_bytes: 1GB\n  max_entries: 1000\n" });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  it("count requests, money, storage and the process", async () => {
    const before = await metricsOf(gateway.url);
    assert.equal(valueOf(before, "reprise_requests_total", { result: "exact" }), 0);
    const ask = (prompt) => generate(gateway.url, { prompt, size: "256x256" });
    assert.equal((await ask("a red fox in the snow")).cache, "MISS");
    assert.equal((await ask("a red fox in the snow")).cache, "HIT EXACT");
    assert.equal((await ask("A red fox in snow.")).cache, "HIT SEMANTIC");
    const metrics = await metricsOf(gateway.url);
    const value = (name, labels) => valueOf(metrics, name, labels);
    for (const [result, count] of [["exact", 1], ["semantic", 1], ["miss", 1], ["inflight", 0], ["error", 0]]) {
      assert.equal(value("reprise_requests_total", { result }), count, result);
    }
    for (const result of ["exact", "miss"]) {
      assert.equal(value("reprise_request_duration_seconds_count", { result }), 1);
      assert.ok(value("reprise_request_duration_seconds_sum", { result }) > 0);
    }
    assert.ok(value("reprise_request_duration_seconds_sum", { result: "miss" }) >= 0.1);
    assert.equal(value("reprise_request_duration_seconds_bucket", { result: "miss", le: "0.065536" }), 0);
    const upstream = "openai";
    assert.equal(value("reprise_upstream_calls_total", { upstream }), 1);
    assert.equal(value("reprise_upstream_errors_total", { upstream }), 0);
    assert.equal(value("reprise_upstream_breaker_open", { upstream }), 0);
    assert.equal(value("reprise_upstream_duration_seconds_count"), 1);
    assert.ok(value("reprise_upstream_duration_seconds_sum") >= 0.1);
    const { storage, saved_usd: saved } = await gateway.stats();
    assert.ok(Math.abs(value("reprise_saved_usd_total") - saved) < 1e-9 && saved > 0);
    assert.equal(value("reprise_stored_bytes"), storage.bytes);
    assert.ok(storage.bytes > 0);
    assert.equal(value("reprise_stored_bytes_limit"), 1024 ** 3);
    assert.equal(value("reprise_stored_entries"), 1);
    assert.equal(value("reprise_stored_entries_limit"), 1000);
    assert.ok(value("reprise_connections") >= 1);
    assert.ok(value("process_resident_memory_bytes") > 1e6);
    assert.ok(value("process_open_fds") > 3 && value("process_open_fds") < value("process_max_fds"));
    assert.ok(Math.abs(value("process_start_time_seconds") - Date.now() / 1000) < 3600);
    const version = execFileSync(REPRISE, ["--version"], { encoding: "utf8" }).trim();
    assert.ok(version.endsWith(metrics.reprise_build_info.samples[0].labels.version));
  });

  it("are all in the documentation, and nothing else is", async () => {
    const page = readFileSync(new URL("../../docs/monitoring.md", import.meta.url), "utf8");
    const named = new Set([...page.matchAll(/^\| `((?:reprise|process)_\w+)/gm)].map((match) => match[1]));
    assert.deepEqual([...named].sort(), Object.keys(await metricsOf(gateway.url)).sort());
    const known = Object.keys(await metricsOf(gateway.url));
    for (const [, name] of page.matchAll(/\b((?:reprise|process)_[a-z_]+)\b/g)) {
      assert.ok(known.includes(name) || known.includes(name.replace(/_(bucket|sum|count)$/, "")), `${name} is no metric`);
    }
  });

  it("show an upstream that fails", async () => {
    const broken = await startGateway({ upstream: `${NOBODY}/v1`, config: "upstream:\n  attempts: 1\n  breaker_failures: 1\n" });
    await generate(broken.url, { prompt: "an owl", size: "256x256" });
    const metrics = await metricsOf(broken.url);
    assert.equal(valueOf(metrics, "reprise_requests_total", { result: "error" }), 1);
    assert.equal(valueOf(metrics, "reprise_upstream_errors_total", { upstream: "openai" }), 1);
    assert.equal(valueOf(metrics, "reprise_upstream_breaker_open", { upstream: "openai" }), 1);
    await broken.stop();
  });

  it("leave /v1/stats to people", async () => {
    assert.ok(!("histograms" in await gateway.stats()));
  });
});

describe("who may see metrics", () => {
  it("takes the scope admin where keys are needed", async () => {
    const data = scratch();
    const [user, admin] = ["generate,read", "admin"].map((scopes) => addKey(data.path, "acme", "--scopes", scopes));
    const gateway = await startGateway({ data: data.path });
    assert.equal((await caller(gateway.url)("GET", "/metrics")).status, 401);
    assert.equal((await caller(gateway.url, user)("GET", "/metrics")).status, 403);
    const metrics = await metricsOf(gateway.url, admin);
    assert.ok(!JSON.stringify(metrics).includes("acme"), "tenants are in no label");
    await gateway.stop();
    data.remove();
  });

  it("is whoever reaches admin_listen, and nobody on the public port, while no key is needed", async () => {
    const admin = `http://127.0.0.1:${await freePort()}`;
    const gateway = await startGateway({ config: `admin_listen: ${new URL(admin).host}\nsimulator:\n  latency: 1ms\n` });
    await generate(gateway.url, { prompt: "an owl", size: "64x64" });
    assert.equal((await caller(gateway.url)("GET", "/metrics")).status, 404);
    const { json } = await caller(gateway.url)("GET", "/v1/stats");
    assert.equal(json.tenant, "default");
    assert.equal(json.requests.miss, 1);
    for (const secret of ["upstreams", "entries", "storage", "embedder"]) assert.ok(!(secret in json), secret);
    assert.equal(valueOf(await metricsOf(admin), "reprise_requests_total", { result: "miss" }), 1);
    assert.ok("entries" in (await caller(admin)("GET", "/v1/stats")).json);
    assert.equal((await caller(gateway.url)("GET", "/v1/models")).status, 200);
    await gateway.stop();
  });
});
