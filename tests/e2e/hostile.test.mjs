// What strangers send who mean harm, byte by byte where a client library would not send it: each is
// refused within its limit, and the gateway goes on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { blackPng, deflated } from "./hostile_images.mjs";
import { generate, scratch, startGateway, startSimulator } from "./gateway.mjs";

// Sends the pieces one after the other and gives all that comes back until the server closes.
// `every` sends a piece again and again for as long as the connection is open.
function raw(url, pieces, { every } = {}) {
  const { hostname, port } = new URL(url);
  return new Promise((done) => {
    const socket = connect(port, hostname);
    let text = "", timer;
    socket.on("data", (data) => { text += data.toString("latin1"); });
    socket.on("error", () => {});  // a reset is a refusal too
    socket.on("close", () => { clearInterval(timer); done(text); });
    socket.on("connect", () => {
      for (const piece of [pieces].flat()) socket.write(piece, "latin1");
      if (every) timer = setInterval(() => socket.write(every, "latin1"), 20);
      else socket.end();
    });
  });
}

const host = "Host: x\r\n";
// What a smuggled request would be answered with, and nothing else is.
const smuggled = `GET /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
const served = (text) => text.includes('{"status":"ok"}');

const statusOf = (text) => Number(text.match(/^HTTP\/1\.1 (\d+)/)?.[1] ?? 0);

describe("against what strangers send", () => {
  let simulator, gateway, url;
  before(async () => {
    simulator = await startSimulator({ latency: "1ms" });
    gateway = await startGateway({ upstream: simulator.url, config: "limits:\n  body: 4MB\n" });
    url = gateway.url;
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });
  const alive = async () => assert.equal((await fetch(`${url}/healthz`)).status, 200);

  it("messages whose end is uncertain hide no second request", async () => {
    const start = `POST /v1/generate HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    for (const shape of [
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
      "Content-Length: 2, 2\r\n\r\n{}", "Content-Length: +2\r\n\r\n{}", "Content-Length: -1\r\n\r\n",
      "Content-Length: 0x2\r\n\r\n{}", "Content-Length : 2\r\n\r\n{}",
      "Content-Length: 18446744073709551618\r\n\r\n{}",
      "Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding: identity, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding:\x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
      "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "X-\0: y\r\n\r\n",
    ]) {
      const reply = await raw(url, start + shape + smuggled);
      assert.ok(!served(reply), `${JSON.stringify(shape)}\n${reply}`);
      assert.ok([0, 400].includes(statusOf(reply)), reply);
    }
    assert.ok(served(await raw(url, smuggled)), "which by itself is served");
    await alive();
  });

  it("floods of headers, long ones and long URLs end the connection", async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `X-${i}: y\r\n`).join("");
    for (const flood of [`GET /healthz HTTP/1.1\r\n${host}${many}\r\n`,
      `GET /healthz HTTP/1.1\r\n${host}X: ${"y".repeat(1 << 20)}\r\n\r\n`,
      `GET /healthz HTTP/1.1\r\n${host}${"X".repeat(1 << 16)}: y\r\n\r\n`,
      `GET /healthz?${"y".repeat(1 << 20)} HTTP/1.1\r\n${host}\r\n`,
      `${"G".repeat(1 << 20)} / HTTP/1.1\r\n${host}\r\n`]) {
      assert.ok(!served(await raw(url, flood)), flood.slice(0, 80));
    }
    await alive();
  });

  it("bodies beyond the limit are not read to their end", async () => {
    const start = `POST /v1/generate HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    assert.equal(statusOf(await raw(url, `${start}Content-Length: 5000000\r\n\r\n${" ".repeat(5e6)}`)), 413);
    const endless = await raw(url, `${start}Content-Length: 99999999999\r\n\r\n`, { every: " ".repeat(1 << 20) });
    assert.ok([0, 413].includes(statusOf(endless)), endless);
    const chunks = await raw(url, `${start}Transfer-Encoding: chunked\r\n\r\n`,
      { every: `100000\r\n${" ".repeat(1 << 20)}\r\n` });
    assert.ok([0, 413].includes(statusOf(chunks)), chunks);
    await alive();
  });

  it("bodies that are deep, packed or in a thousand parts are errors", async () => {
    const post = (type, body, more = {}) => fetch(`${url}/v1/images/generations`,
      { method: "POST", body, headers: { "Content-Type": type, ...more } });
    const deep = (levels) => `{"prompt": "x", "y": ${"[".repeat(levels)}${"]".repeat(levels)}}`;
    for (const [body, status] of [[deep(5e5), 400], [deep(2e6), 413], ["[".repeat(3e6), 413],
      [`{"prompt": ${"1".repeat(1e6)}}`, 400], ["{\"prompt\": \"\\ud800\"}", 400]]) {
      assert.equal((await post("application/json", body)).status, status, body.slice(0, 30));
    }
    assert.equal((await post("application/json", deflated(JSON.stringify({ prompt: "x".repeat(1e8) })),
      { "Content-Encoding": "gzip" })).status, 400, "nothing is unpacked");
    const form = new FormData();
    for (let i = 0; i < 5000; ++i) form.append(`field${i}`, "x");
    const parts = await fetch(`${url}/v1/images/edits`, { method: "POST", body: form });
    assert.equal(parts.status, 413);
    assert.match((await parts.json()).error.message, /parts/);
    await alive();
  });

  it("paths lead nowhere but to routes", async () => {
    for (const path of ["/images/../reprise.yaml", "/images/..%2freprise.db", "/images/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
      "/images/..%252f..%252fetc%252fpasswd", "/images/%2fetc%2fpasswd", "/images/x%00.png", "/../../etc/passwd",
      "//etc/passwd", "/images/..", "/images/.", "/images/\\..\\..\\etc\\passwd", "/v1/models/..%2f..%2fetc%2fpasswd",
      "/v1/batches/..%2fx", "/v2/..%2fx/status/..%2fx", "http://evil/../etc/passwd", "/images/%", "/images/%ff%fe"]) {
      const reply = await raw(url, `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
      assert.ok([0, 400, 404].includes(statusOf(reply)), `${path}: ${reply.slice(0, 200)}`);
      assert.ok(!reply.includes("root:") && !reply.includes("SQLite format"), path);
    }
  });

  it("absurd sizes are refused before anything is made", async () => {
    const made = await generate(url, { prompt: "a red fox", size: "64x64", response_format: "url" });
    const link = made.json.data[0].url;
    for (const size of ["999999999x999999999", "97x97", "0x0", "-1x5", "1e9x1", "2147483648x2", "99999999999999999999x1"]) {
      const [stem, format] = [link.slice(0, link.lastIndexOf(".")), link.slice(link.lastIndexOf("."))];
      const reply = await fetch(`${stem}_${size}${format}`);
      assert.ok([400, 404].includes(reply.status), `${size}: ${reply.status}`);
      const asked = await generate(url, { prompt: "a red fox", size });
      assert.equal(asked.status, size === "97x97" ? 200 : 400, `${size}: ${asked.text.slice(0, 200)}`);
    }
    assert.equal((await generate(url, { prompt: "a red fox", n: 1e9 })).status, 400);
    assert.equal((await generate(url, { prompt: "x".repeat(32_001) })).status, 400);
  });
});

describe("slow clients", () => {
  // One place for a connection: whoever is answered next shows that the place was given back.
  const config = "limits:\n  connections: 1\n  read_timeout: 300ms\n  write_timeout: 300ms\n";

  it("who sends a byte now and then loses the connection", async () => {
    const gateway = await startGateway({ config });
    for (const start of ["", "GET /healthz HTTP/1.1\r\nX: ", "POST /v1/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"]) {
      const slow = raw(gateway.url, start, { every: "y" });
      assert.equal((await fetch(`${gateway.url}/healthz`, { headers: { Connection: "close" } })).status, 200);
      assert.ok(!served(await slow));
    }
    await gateway.stop();
  });

  it("who does not read loses the connection", async () => {
    const gateway = await startGateway({ config: `${config}simulator:\n  latency: 1ms\n` });
    const made = await generate(gateway.url, { prompt: "a red fox", size: "1024x1024", response_format: "url" },
      { Connection: "close" });
    const { pathname, hostname, port } = new URL(made.json.data[0].url);
    const deaf = connect(port, hostname);
    deaf.on("error", () => {});
    deaf.pause();
    deaf.write(`GET ${pathname} HTTP/1.1\r\n${host}\r\n`.repeat(64));
    assert.equal((await fetch(`${gateway.url}/healthz`, { headers: { Connection: "close" } })).status, 200);
    deaf.destroy();
    await gateway.stop();
  });
});

describe("images that are a trap", () => {
  // An upstream that answers with the bytes it is told to.
  let upstream, gateway, bytes;
  before(async () => {
    upstream = createServer((request, response) => {
      request.resume();
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ data: [{ b64_json: bytes.toString("base64") }] }));
    });
    await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
    gateway = await startGateway({ upstream: `http://127.0.0.1:${upstream.address().port}/v1`,
      config: "upstream:\n  attempts: 1\n" });
  });
  after(async () => {
    await gateway.stop();
    upstream.close();
  });
  const peakKb = () => Number(readFileSync(`/proc/${gateway.process.child.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]);

  it("a small file that unpacks to gigabytes is not unpacked", async () => {
    bytes = blackPng(16, 16);
    assert.equal((await generate(gateway.url, { prompt: "a plain square", size: "64x64" })).status, 200);
    const before = peakKb();
    for (const [width, height] of [[30_000, 30_000], [65_000, 1_000], [2 ** 31 - 1, 2 ** 31 - 1], [1, 70_000_000], [0, 5]]) {
      bytes = blackPng(width, height, Math.min(1000, height));
      const reply = await generate(gateway.url, { prompt: `a bomb of ${width} by ${height}`, size: "64x64" });
      assert.ok(reply.status >= 500, `${width}x${height}: ${reply.status}`);
      assert.equal(reply.json.error.type, "server_error");
    }
    assert.ok(peakKb() - before < 200_000, `${before} kB became ${peakKb()} kB`);
    assert.equal((await gateway.stats()).entries, 1);
  });

  it("what says it is one format and is another, or ends early, is not stored", async () => {
    const whole = blackPng(64, 64);
    for (const trap of [whole.subarray(0, whole.length - 20), Buffer.concat([whole.subarray(0, 8), Buffer.alloc(500)]),
      Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
      Buffer.from("GIF89a\xff\xff\xff\xff\x00\x00\x00", "latin1"), Buffer.from("<html>"), Buffer.alloc(0)]) {
      bytes = trap;
      const reply = await generate(gateway.url, { prompt: `trap ${trap.length}`, size: "64x64" });
      assert.ok(reply.status >= 500, reply.text.slice(0, 200));
    }
    assert.equal((await gateway.stats()).entries, 1);
  });
});

describe("links that lead inside", () => {
  it("are followed for nobody", async () => {
    let visits = 0;
    const inside = createServer((request, response) => { ++visits; response.end("secret"); });
    await new Promise((done) => inside.listen(0, "127.0.0.1", done));
    const { port } = inside.address();
    const data = scratch();
    const gateway = await startGateway({ data: data.path, config: "simulator:\n  latency: 1ms\n" });
    const hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0", "0.0.0.0"];
    const post = async (path, body) => (await fetch(gateway.url + path, { method: "POST", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" } })).json();
    const batches = [];
    for (const name of hosts) {
      const link = `http://${name}:${port}/x.png`;
      await post("/v1/chat/completions", { model: "gpt-image-1", messages: [{ role: "user", content: [
        { type: "text", text: `like this, ${name}` }, { type: "image_url", image_url: { url: link } }] }] });
      await fetch(`${gateway.url}/prompt/fox?image=${encodeURIComponent(link)}&width=64&height=64`);
      await post("/v1/generate", { prompt: `fox ${name}`, size: "64x64", image_urls: [link], image: link });
      const batch = await post("/v1/batches", { mode: "background", webhook: { url: link, secret: "0123456789abcdef0123456789abcdef" },
        items: { one: { prompt: `boat ${name}`, size: "64x64" } } });
      if (batch.id) batches.push(batch.id);
    }
    for (const id of batches) {
      for (;;) {  // until the webhook was tried once
        const { webhook } = await (await fetch(`${gateway.url}/v1/batches/${id}`)).json();
        if (webhook.attempts > 0) {
          assert.notEqual(webhook.state, "delivered");
          break;
        }
        await new Promise((done) => setTimeout(done, 20));
      }
    }
    assert.equal(visits, 0);
    await gateway.stop("SIGKILL");
    inside.close();
    data.remove();
  });
});
