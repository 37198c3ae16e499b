// `admin_listen`: what is for those who run the gateway is on a port of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { REPRISE, freePort, scratch, startGateway } from "./gateway.mjs";
import { addKey, caller } from "./keys.mjs";

describe("admin_listen", () => {
  let data, gateway, admin, outside, inside, user;
  before(async () => {
    data = scratch();
    const [key, plain] = ["admin,generate,read", "generate,read"].map((scopes) =>
      addKey(data.path, "acme", "--scopes", scopes));
    admin = `http://127.0.0.1:${await freePort()}`;
    gateway = await startGateway({ data: data.path,
      config: `admin_listen: ${new URL(admin).host}\nsimulator:\n  latency: 1ms\n` });
    [outside, inside, user] = [caller(gateway.url, key), caller(admin, key), caller(admin, plain)];
  });
  after(async () => {
    await gateway.stop();
    data.remove();
  });

  it("takes purges and removals off the public port", async () => {
    const { json } = await outside("POST", "/v1/generate", { prompt: "a red fox", size: "64x64" });
    assert.equal((await outside("POST", "/v1/purge", { all: true })).status, 404);
    assert.equal((await outside("DELETE", `/v1/entries/${json.entry}`)).status, 404);
    assert.equal((await user("POST", "/v1/purge", { all: true })).status, 403);
    assert.equal((await inside("POST", "/v1/purge", { all: true })).json.count, 1);
    assert.equal((await inside("DELETE", `/v1/entries/${json.entry}`)).status, 200);
  });

  it("shows the whole gateway's statistics there only", async () => {
    const [mine, all] = [await outside("GET", "/v1/stats"), await inside("GET", "/v1/stats")];
    assert.equal(mine.json.tenant, "acme");
    assert.ok(!("entries" in mine.json) && "entries" in all.json);
    assert.equal((await user("GET", "/v1/stats")).json.tenant, "acme");
  });

  it("asks for keys there too, and serves the rest", async () => {
    assert.equal((await caller(admin)("GET", "/v1/stats")).status, 401);
    assert.equal((await user("GET", "/v1/models")).status, 200);
    assert.equal((await caller(admin)("GET", "/readyz")).status, 200);
  });

  it("is where the command line asks", () => {
    const config = `${data.path}/reprise.yaml`;
    const run = (...args) => spawnSync(REPRISE, [...args, "--config", config], { encoding: "utf8",
      env: { ...process.env, REPRISE_API_KEY: "" } });
    assert.match(run("stats").stderr, /API key/);
  });

  it("is not open to a network without a key either", () => {
    const place = scratch();
    const config = `${place.path}/reprise.yaml`;
    spawnSync("sh", ["-c", `echo 'admin_listen: 0.0.0.0:0' > ${config}`]);
    const refused = spawnSync(REPRISE, ["serve", "--data", place.path, "--config", config, "--listen", "127.0.0.1:0"],
      { encoding: "utf8" });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /0\.0\.0\.0:0 would let anybody in/);
    place.remove();
  });
});
