// What HTTP/1.1 asks of a server beside requests and replies, as real clients see it.
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { startGateway } from "./gateway.mjs";

let gateway;
before(async () => {
  gateway = await startGateway({ config: "limits:\n  body: 2MB\nsimulator:\n  latency: 1ms\n" });
});
after(() => gateway.stop());

// { status, told, text }: `body` is sent when the server says so, and only then.
const waitToSend = (path, body, headers = {}) => new Promise((done, fail) => {
  let told = false;
  const asking = request(gateway.url + path, { method: "POST", agent: false,
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body),
      Expect: "100-continue", ...headers } }, (response) => {
    let text = "";
    response.on("data", (data) => { text += data; });
    response.on("end", () => done({ status: response.statusCode, told, text }));
  });
  asking.on("continue", () => { told = true; asking.end(body); });
  asking.on("error", fail);
  asking.flushHeaders();
});
const json = (bytes) => JSON.stringify({ prompt: "a fox", size: "64x64", note: "x".repeat(bytes) });

describe("Expect: 100-continue", () => {
  it("a client that waits is told to send its body", async () => {
    const { status, told } = await waitToSend("/v1/generate", json(1_500_000));
    assert.deepEqual({ status, told }, { status: 200, told: true });
  });

  it("what is too large is refused before it is sent", async () => {
    const { status, told, text } = await waitToSend("/v1/generate", json(30_000_000));
    assert.deepEqual({ status, told }, { status: 413, told: false });
    assert.match(JSON.parse(text).error.message, /limits\.body/);
  });

  it("another expectation is not met", async () => {
    const { status, told, text } = await waitToSend("/v1/generate", json(10), { Expect: "a-miracle" });
    assert.deepEqual({ status, told }, { status: 417, told: false });
    assert.equal(JSON.parse(text).error.code, "invalid_argument");
  });
});

// All that comes on a connection of its own until the server closes it.
const ask = (text) => new Promise((done, fail) => {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(port, hostname, () => socket.write(text));
  let received = "";
  socket.on("data", (data) => { received += data.toString("latin1"); });
  socket.on("error", fail);
  socket.on("close", () => done(received));
});

describe("HTTP/1.0", () => {
  it("a streamed picture comes without chunks, and ends with the connection", async () => {
    const body = JSON.stringify({ model: "gpt-image-1", prompt: "a grey owl", size: "64x64", stream: true });
    const reply = await ask(`POST /v1/images/generations HTTP/1.0\r\nContent-Type: application/json\r\n`
      + `Connection: keep-alive\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const [head, events] = reply.split("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(head, /\r\nConnection: close\r\n/);
    assert.doesNotMatch(head, /Transfer-Encoding|Content-Length/);
    assert.match(events, /^event: image_generation\.completed\ndata: \{.*\}\n\n$/);
  });
});
