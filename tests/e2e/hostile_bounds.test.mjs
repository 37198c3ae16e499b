// Bounds on what all strangers together may hold: connections of one address, and the memory of
// bodies that never end.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { metricsOf, valueOf } from "./exposition.mjs";
import { generate, startGateway } from "./gateway.mjs";
import { until } from "./keys.mjs";

// A connection that has sent `text`; `answer` resolves with all that came when it is closed.
function open(url, text = "") {
  const { hostname, port } = new URL(url);
  const socket = connect(port, hostname);
  let received = "";
  socket.on("data", (data) => { received += data.toString("latin1"); });
  socket.on("error", () => {});
  socket.on("connect", () => socket.write(text, "latin1"));
  return { socket, received: () => received, answer: new Promise((done) => socket.on("close", () => done(received))) };
}

const post = (length) =>
  `POST /v1/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
const json = (bytes) => JSON.stringify({ prompt: "a fox", size: "64x64", note: "x".repeat(bytes) });
const held = async (url) => valueOf(await metricsOf(url), "reprise_body_bytes");

describe("the memory of bodies", () => {
  it("is bounded for all of them together: who finds no room is told so, small ones go on", async () => {
    const gateway = await startGateway({ config: "limits:\n  body: 4MB\n  bodies: 4MB\nsimulator:\n  latency: 1ms\n" });
    const { url } = gateway;
    const slow = open(url, post(4_000_000) + "x".repeat(3_000_000));
    await until(async () => await held(url) > 2_900_000);

    const refused = await fetch(`${url}/v1/generate`, { method: "POST", body: json(2_000_000),
      headers: { "Content-Type": "application/json" } });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "1");
    assert.match((await refused.json()).error.message, /limits\.bodies/);
    assert.equal((await generate(url, { prompt: "an owl", size: "64x64" })).status, 200);
    await until(async () => await held(url) < 3_000_000, "what was refused is given back");

    slow.socket.destroy();
    await until(async () => await held(url) === 0);
    const again = await fetch(`${url}/v1/generate`, { method: "POST", body: json(2_000_000),
      headers: { "Content-Type": "application/json" } });
    assert.notEqual(again.status, 503);
    await again.arrayBuffer();
    await until(async () => await held(url) === 0);
    await gateway.stop();
  });

  it("a body that is refused is not read for ever", async () => {
    const gateway = await startGateway({ config: "limits:\n  body: 1MB\n  bodies: 64KB\n" });
    const endless = open(gateway.url, "POST /v1/generate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    endless.socket.on("connect", () => {
      const more = () => { while (!endless.socket.destroyed && endless.socket.write(chunk)); };
      endless.socket.on("drain", more);
      more();
    });
    await endless.answer;
    assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
    await gateway.stop();
  });

  it("a million chunks of a byte take a million bytes", async () => {
    const gateway = await startGateway();
    const resident = async () => valueOf(await metricsOf(gateway.url), "process_resident_memory_bytes");
    const start = await resident();
    const count = 2_000_000;
    const many = open(gateway.url, "POST /v1/generate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "1\r\nx\r\n".repeat(count));
    await until(async () => await held(gateway.url) === count - 16_384);
    const grown = await resident() - start;
    assert.ok(grown < 60e6, `${count} chunks took ${grown} bytes`);
    many.socket.destroy();
    await gateway.stop();
  });
});

describe("connections of one address", () => {
  it("are bounded by the setting, and one that ends makes room", async () => {
    const gateway = await startGateway({ config: "limits:\n  connections_per_address: 3\n" });
    const hello = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    const served = (client) => until(() => client.received().includes('{"status":"ok"}'));
    const clients = [1, 2, 3].map(() => open(gateway.url, hello));
    for (const client of clients) await served(client);
    assert.equal(await open(gateway.url, hello).answer, "", "a fourth is closed without a word");
    clients[0].socket.write(hello);
    await until(() => clients[0].received().split("ok").length === 3, "those that are open go on");
    clients[1].socket.destroy();
    await until(async () => {
      const next = open(gateway.url, hello);
      await Promise.race([next.answer, served(next)]);
      const came = next.received() !== "";
      next.socket.destroy();
      return came;
    });
    for (const client of clients) client.socket.destroy();
    await until(async () => {
      try { return valueOf(await metricsOf(gateway.url), "reprise_connections_refused_total") >= 1; } catch { return false; }
    });
    await gateway.stop();
  });
});
