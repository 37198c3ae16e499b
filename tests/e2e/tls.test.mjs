// TLS: real clients over https, certificate files and their renewal on SIGHUP, and clients that do
// not finish a handshake.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { promisify } from "node:util";
import { REPRISE, scratch, startGateway } from "./gateway.mjs";
import { until } from "./keys.mjs";

const run = promisify(execFile);
let place, authority, certificate, key;
const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore" });
const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

before(() => {
  place = scratch();
  [authority, certificate, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => `${place.path}/${name}`);
  openssl("req", "-x509", ...EC, "-days", "2", "-subj", "/CN=authority", "-keyout", `${place.path}/ca.key`,
    "-out", authority);
  renew("first");
});
after(() => place.remove());

// A certificate for 127.0.0.1 from our own authority.
function renew(name) {
  const request = `${place.path}/request.pem`, names = `${place.path}/names`;
  writeFileSync(names, "subjectAltName=IP:127.0.0.1\n");
  openssl("req", ...EC, "-subj", `/CN=${name}`, "-keyout", `${key}.new`, "-out", request);
  openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", `${place.path}/ca.key`, "-CAcreateserial",
    "-days", "2", "-extfile", names, "-out", `${certificate}.new`);
  copyFileSync(`${key}.new`, key);
  copyFileSync(`${certificate}.new`, certificate);
}

const settings = () => `tls:\n  certificate: ${certificate}\n  key: ${key}\n`;

// { status, text, name of the certificate } of a GET, by default on a connection of its own.
const ask = (url, options = {}) => new Promise((done, fail) => {
  get(url, { rejectUnauthorized: false, agent: false, ...options }, (response) => {
    let text = "";
    const name = response.socket.getPeerCertificate().subject?.CN;
    response.on("data", (data) => { text += data; });
    response.on("end", () => done({ status: response.statusCode, text, name }));
  }).on("error", fail);
});

describe("over https", () => {
  let gateway;
  before(async () => { gateway = await startGateway({ config: `${settings()}simulator:\n  latency: 300ms\n` }); });
  after(() => gateway.stop());

  it("OpenAI's SDK generates, hits, and follows the link it is given", async () => {
    const script = `
      import OpenAI from "openai";
      const client = new OpenAI({ baseURL: "${gateway.url}/v1", apiKey: "sk-any", maxRetries: 0 });
      const ask = (format) => client.images.generate({ model: "dall-e-3", prompt: "a red fox", size: "1024x1024",
        response_format: format }).withResponse();
      const first = await ask("b64_json"), second = await ask("url");
      const link = second.data.data[0].url;
      const image = Buffer.from(await (await fetch(link)).arrayBuffer());
      console.log(JSON.stringify({ cache: second.response.headers.get("x-cache"), link,
        same: image.equals(Buffer.from(first.data.data[0].b64_json, "base64")) }));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script],
      { env: { ...process.env, NODE_EXTRA_CA_CERTS: authority } });
    const { cache, link, same } = JSON.parse(stdout);
    assert.equal(cache, "HIT");
    assert.equal(same, true);
    assert.match(link, /^https:/);
  });

  it("curl trusts it by the authority, and by nothing else", async () => {
    const { stdout } = await run("curl", ["-sS", "--cacert", authority, `${gateway.url}/healthz`]);
    assert.equal(stdout, '{"status":"ok"}');
    await assert.rejects(run("curl", ["-sS", `${gateway.url}/healthz`]), /certificate/);
  });

  it("curl, which waits before a large body, is told to send it", async () => {
    const body = `${place.path}/body.json`;
    writeFileSync(body, JSON.stringify({ prompt: "a fox", size: "64x64", note: "x".repeat(1_500_000) }));
    const { stdout } = await run("curl", ["-sS", "--cacert", authority, "-m", "50", "--expect100-timeout", "100",
      "-H", "Content-Type: application/json", "--data-binary", `@${body}`, "-w", "%{http_code}", "-o", `${body}.out`,
      `${gateway.url}/v1/generate`]);
    assert.equal(stdout, "200");
  });

  it("speaks nothing but TLS, nothing older than 1.2, and HTTP/1.1 to those who would rather have 2", async () => {
    await assert.rejects(fetch(`${gateway.url.replace("https", "http")}/healthz`));
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" };
    await assert.rejects(ask(`${gateway.url}/healthz`, old));
    const weak = { maxVersion: "TLSv1.2", ciphers: "AES128-SHA:ECDHE-ECDSA-AES128-SHA" };
    await assert.rejects(ask(`${gateway.url}/healthz`, weak));
    assert.equal((await ask(`${gateway.url}/healthz`, { maxVersion: "TLSv1.2" })).status, 200);
    const { port } = new URL(gateway.url);
    const protocol = await new Promise((done, fail) => {
      const socket = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] },
        () => { done(socket.alpnProtocol); socket.destroy(); });
      socket.on("error", fail);
    });
    assert.equal(protocol, "http/1.1");
  });

  it("the command line knows the gateway by its certificate", () => {
    const file = `${place.path}/client.yaml`;
    writeFileSync(file, `${settings()}listen: ${new URL(gateway.url).host}\n`);
    const stats = () => spawnSync(REPRISE, ["stats", "--json", "--config", file], { encoding: "utf8" });
    assert.equal(stats().status, 0, stats().stderr);
    openssl("req", "-x509", ...EC, "-subj", "/CN=other", "-keyout", `${place.path}/o.key`, "-out", `${place.path}/o.pem`);
    writeFileSync(file, `tls:\n  certificate: ${place.path}/o.pem\nlisten: ${new URL(gateway.url).host}\n`);
    assert.notEqual(stats().status, 0);
  });

  it("takes a renewed certificate on SIGHUP, while requests are under way, and keeps the old one when that fails", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(`${gateway.url}/healthz`, { agent });
    const underWay = Array.from({ length: 8 }, (_, i) => ask(`${gateway.url}/prompt/owl-${i}?width=64&height=64`));
    renew("second");
    assert.equal((await ask(`${gateway.url}/healthz`)).name, "first", "not before");
    gateway.process.child.kill("SIGHUP");
    await until(async () => (await ask(`${gateway.url}/healthz`)).name === "second");
    for (const { status, name } of await Promise.all(underWay)) assert.deepEqual([status, name], [200, "first"]);
    assert.equal((await ask(`${gateway.url}/healthz`, { agent })).name, "first", "an open connection goes on");
    agent.destroy();

    writeFileSync(certificate, "no certificate");
    gateway.process.child.kill("SIGHUP");
    await gateway.process.waitFor(/cannot use \S+cert.pem as a PEM certificate.*the old certificate stays/);
    assert.equal((await ask(`${gateway.url}/healthz`)).name, "second");
    renew("third");
    writeFileSync(key, execFileSync("openssl", ["genpkey", "-algorithm", "ed25519"]));
    gateway.process.child.kill("SIGHUP");
    await gateway.process.waitFor(/key.pem as the PEM key.*the key of another certificate.*the old certificate stays/);
    assert.equal((await ask(`${gateway.url}/healthz`)).name, "second");
    renew("fourth");
    gateway.process.child.kill("SIGHUP");
    await until(async () => (await ask(`${gateway.url}/healthz`)).name === "fourth");
  });
});

describe("tls that cannot work", () => {
  it("is an error at the start that says why", () => {
    const data = scratch();
    const serve = (config) => {
      writeFileSync(`${data.path}/reprise.yaml`, config);
      return spawnSync(REPRISE, ["serve", "--data", data.path, "--listen", "127.0.0.1:0", "--config", `${data.path}/reprise.yaml`],
        { encoding: "utf8" });
    };
    const other = `${place.path}/other.pem`;
    openssl("genpkey", "-algorithm", "ed25519", "-out", other);
    for (const [config, why] of [[`tls:\n  certificate: ${certificate}\n`, /both tls.certificate and tls.key/],
      ["tls:\n  certificate: /nowhere.pem\n  key: /nowhere.pem\n", /nowhere\.pem.*No such file/],
      [`tls:\n  certificate: ${key}\n  key: ${key}\n`, /key\.pem as a PEM certificate/],
      [`tls:\n  certificate: ${certificate}\n  key: ${other}\n`, /other\.pem as the PEM key of/]]) {
      const refused = serve(config);
      assert.equal(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, why);
    }
    data.remove();
  });
});

describe("a client that does not finish its handshake", () => {
  it("loses its place", async () => {
    const gateway = await startGateway({ config: `${settings()}limits:\n  connections: 1\n  read_timeout: 300ms\n` });
    const { port } = new URL(gateway.url);
    for (const bytes of ["", "\x16\x03\x01\x02\x00"]) {
      const silent = connect(port, "127.0.0.1");
      silent.on("error", () => {});
      silent.on("connect", () => silent.write(bytes, "latin1"));
      await new Promise((done) => silent.on("close", done));
      assert.equal((await ask(`${gateway.url}/healthz`)).status, 200);
    }
    await gateway.stop();
  });
});

describe("connections of one address, over tls", () => {
  it("count from before the handshake", async () => {
    const gateway = await startGateway({ config: `${settings()}limits:\n  connections_per_address: 1\n` });
    const { port } = new URL(gateway.url);
    // Two that come at once are served by two threads: the silent one may be the one refused, and
    // tries again.
    let silent, ended = false;
    const hold = () => {
      if (ended) return;
      silent = connect(port, "127.0.0.1");
      silent.on("error", () => {});
      silent.on("close", hold);
    };
    hold();
    const refused = () => ask(`${gateway.url}/healthz`).then(() => false, () => true);
    await until(async () => await refused() && await refused() && await refused());
    ended = true;
    silent.destroy();
    await until(() => ask(`${gateway.url}/healthz`).then(({ status }) => status === 200, () => false));
    await gateway.stop();
  });
});

describe("without tls", () => {
  it("SIGHUP stops the gateway in order", async () => {
    const gateway = await startGateway();
    assert.deepEqual(await gateway.stop("SIGHUP"), { code: 0, signal: null });
  });
});
