// Starts the real program for the end-to-end tests: gateways, simulators, and what they answer.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const REPRISE = resolve(process.env.REPRISE ?? "build/reprise");

export function scratch() {
  const path = mkdtempSync(join(tmpdir(), "reprise-e2e-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

// Where nobody listens, nor is given by the system to somebody who starts meanwhile.
export const NOBODY = "http://127.0.0.1:1";

// A port that was free a moment ago, for processes that have to be restarted on the same one.
export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

// What a test that failed has left is not left running.
const running = new Set();
process.on("exit", () => { for (const child of running) child.kill("SIGKILL"); });

// A running `reprise` subcommand. `ready` is the text in its log that ends with its address.
class Process {
  constructor(args, options = {}) {
    this.log = "";
    this.child = spawn(REPRISE, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    running.add(this.child);
    this.child.once("exit", () => running.delete(this.child));
    this.exited = new Promise((done) =>
      this.child.once("exit", (code, signal) => done({ code, signal })));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on("data", (data) => { this.log += data; });
    }
  }

  async waitFor(pattern) {
    for (;;) {
      const match = this.log.match(pattern);
      if (match) return match;
      if (this.child.exitCode !== null) throw new Error(`it ended:\n${this.log}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    return this.exited;
  }
}

export async function startSimulator({ latency = "20ms", errorRate = 0, port = 0 } = {}) {
  const process = new Process(["simulate", "--listen", `127.0.0.1:${port}`, "--latency", latency,
    "--error-rate", String(errorRate)]);
  const [, url] = await process.waitFor(/simulated image API on (http:\S+), latency/);
  const origin = new URL(url).origin;
  return {
    process, url,
    calls: async () => (await fetch(`${origin}/_calls`)).json(),
    stop: (signal) => process.stop(signal),
  };
}

// `config` is YAML text; `upstream` a base URL, or nothing for the built-in simulator.
export async function startGateway(
  { data, upstream, port = 0, args = [], env = {}, config = "log:\n  level: info\n" } = {}) {
  const own = data ? null : scratch();
  const file = join(data ?? own.path, "reprise.yaml");
  writeFileSync(file, config);
  const process = new Process(
    ["serve", "--listen", `127.0.0.1:${port}`, "--data", data ?? own.path,
      "--config", file, ...(upstream ? ["--upstream", upstream] : []), ...args],
    { env: { ...globalThis.process.env, OPENAI_API_KEY: "", ...env } });
  const [, url] = await process.waitFor(/listens on (https?:\S+)/);
  return {
    process, url,
    stats: async () => (await fetch(`${url}/v1/stats`)).json(),
    stop: async (signal) => {
      const result = await process.stop(signal);
      own?.remove();
      return result;
    },
  };
}

// POSTs a generation and gives status, headers and the parsed body.
export async function generate(url, body, headers = {}) {
  const response = await fetch(`${url}/v1/images/generations`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* the test shows the text */ }
  return {
    status: response.status, text, json,
    header: (name) => response.headers.get(name),
    cache: [response.headers.get("x-cache"), response.headers.get("x-cache-type")]
      .filter(Boolean).join(" "),
    bytes: json?.data?.[0]?.b64_json ? Buffer.from(json.data[0].b64_json, "base64") : null,
  };
}

// What the bytes say they are: { type, width, height }.
export function imageInfo(bytes) {
  if (bytes.subarray(0, 8).equals(Buffer.from("89504e470d0a1a0a", "hex"))) {
    return { type: "png", width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  if (bytes.subarray(0, 4).toString() === "RIFF" && bytes.subarray(8, 12).toString() === "WEBP") {
    return { type: "webp" };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { type: "jpeg", ...jpegSize(bytes) };
  return { type: "unknown" };
}

function jpegSize(bytes) {
  for (let at = 2; at < bytes.length;) {
    const marker = bytes[at + 1];
    if (marker >= 0xc0 && marker <= 0xc3) {
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return {};
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
