// A batch whose request is sent again: one batch, over restarts and crashes.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { call, settled } from "./batch_client.mjs";
import { scratch, startGateway } from "./gateway.mjs";

const config = "simulator: {latency: 10ms}\n";
const body = (prompt) => JSON.stringify({
  mode: "background", defaults: { size: "64x64" }, items: { one: { prompt } } });

describe("an idempotency key", () => {
  const place = scratch();
  let gateway;
  const send = (key, text) => call(gateway.url, "/v1/batches", {
    method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: text });
  before(async () => { gateway = await startGateway({ data: place.path, config }); });
  after(async () => {
    await gateway.stop();
    place.remove();
  });

  it("gives the same batch again, also after kill -9", async () => {
    const first = await send("k1", body("an orchard"));
    assert.equal(first.status, 202, first.text);
    const again = await send("k1", body("an orchard"));
    assert.equal(again.status, 200, again.text);
    assert.equal(again.json.id, first.json.id);
    assert.equal(again.header("location"), first.header("location"));
    const ended = await settled(gateway.url, first.json.id);
    await gateway.stop("SIGKILL");
    gateway = await startGateway({ data: place.path, config });
    const later = await send("k1", body("an orchard"));
    assert.equal(later.status, 200, later.text);
    assert.deepEqual(later.json.items.one.images.map(({ name }) => name),
      ended.items.one.images.map(({ name }) => name));
    const { json: list } = await call(gateway.url, "/v1/batches");
    assert.deepEqual(list.data.map(({ id }) => id), [first.json.id]);
  });

  it("belongs to one body", async () => {
    const { json: { id } } = await send("k2", body("a pond"));
    const other = await send("k2", body("a lake"));
    assert.equal(other.status, 409);
    assert.ok(other.json.error.message.includes(id), other.text);
    assert.match(other.json.error.message, /'k2' belongs to .* another body/);
  });

  it("starts one batch for requests that come at once", async () => {
    const replies = await Promise.all(Array.from({ length: 10 }, () => send("k3", body("a mill"))));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [...Array(9).fill(200), 202]);
    assert.equal(new Set(replies.map(({ json }) => json.id)).size, 1);
  });

  it("is refused when it is no key", async () => {
    for (const key of ["x".repeat(256), "a b"]) {
      const reply = await send(key, body("a pond"));
      assert.equal(reply.status, 400, key);
      assert.equal(reply.json.error.param, "Idempotency-Key");
    }
    const without = await send("", body("a pond"));
    assert.equal(without.status, 202);
  });
});
