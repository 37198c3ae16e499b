// Stands between the gateway and the simulated upstream: remembers which image was made for which
// prompt, and fails, delays and cuts as the network and an API do.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const read = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

// How often each fault happens while faults are on.
const FAULTS = { none: 86, error: 3, cut: 3, "cut-body": 2, truncated: 2, html: 2, slow: 1.5, hang: 0.5 };

export class RecordingUpstream {
  constructor(target, random) {
    this.target = new URL(target).origin;
    this.random = random;
    this.faults = false;
    this.made = new Map();  // SHA-256 of an image: { prompt, size }
    this.counts = { calls: 0, images: 0, faults: 0 };
    this.server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
  }

  async start() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}/v1`;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  async answer(request, response) {
    const body = await read(request);
    const fault = this.faults ? this.random.weighted(FAULTS) : "none";
    this.counts.calls += 1;
    if (fault !== "none") this.counts.faults += 1;
    if (fault === "cut") return response.destroy();
    if (fault === "hang") return;  // until the gateway gives up
    if (fault === "error") return send(response, 500, `{"error":{"message":"a fault of the soak"}}`);
    const reply = await fetch(this.target + request.url, {
      method: request.method, body: request.method === "POST" ? body : undefined,
      headers: { "Content-Type": request.headers["content-type"] ?? "application/json" },
    });
    let text = await reply.text();
    if (reply.status === 200 && request.method === "POST") text = this.note(body, text, fault);
    if (fault === "slow") await new Promise((done) => setTimeout(done, 1000));
    if (fault !== "cut-body") return send(response, reply.status, text);
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": text.length });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
  }

  note(body, text, fault) {
    const { prompt, size } = JSON.parse(body);
    const reply = JSON.parse(text);
    for (const image of reply.data ?? []) {
      const bytes = Buffer.from(image.b64_json, "base64");
      this.counts.images += 1;
      this.made.set(sha256(bytes), { prompt, size });
      if (fault === "truncated") image.b64_json = bytes.subarray(0, bytes.length / 2).toString("base64");
      if (fault === "html") image.b64_json = Buffer.from("<html>busy</html>").toString("base64");
    }
    return JSON.stringify(reply);
  }
}

function send(response, status, text) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(text);
}
