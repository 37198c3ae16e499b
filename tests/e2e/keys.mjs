// API keys for the end-to-end tests: what `reprise keys` does, and requests with a key.
import { execFileSync, spawnSync } from "node:child_process";
import { REPRISE } from "./gateway.mjs";

// { code, out, err } of `reprise keys ARGS` on a data directory.
export function keys(data, ...args) {
  const { status, stdout, stderr } = spawnSync(REPRISE, ["keys", ...args, "--data", data],
    { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

// A new key of `tenant`; `args` are further options.
export function addKey(data, tenant = "default", ...args) {
  return execFileSync(REPRISE, ["keys", "add", `for ${tenant}`, "--tenant", tenant, "--data", data,
    ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}

// A caller with that key, or none: request("GET", "/v1/models") gives { status, text, json, header }.
export function caller(url, key, more = {}) {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(path.startsWith("http") ? path : url + path, {
      method,
      redirect: "manual",
      body: body === undefined || typeof body === "string" || body instanceof FormData ? body : JSON.stringify(body),
      headers: { ...(key ? { Authorization: `Bearer ${key}` } : {}),
        ...(body !== undefined && !(body instanceof FormData) ? { "Content-Type": "application/json" } : {}), ...more, ...headers },
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.toString();
    let json = null;
    try { json = JSON.parse(text); } catch { /* an image, or nothing */ }
    return { status: response.status, text, json, bytes, header: (name) => response.headers.get(name) };
  };
}

// Until `test` gives something true; an error after two minutes, so that what never comes has a name.
export async function until(test) {
  for (const end = Date.now() + 120_000; Date.now() < end;) {
    const result = await test();
    if (result) return result;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`it never came: ${test}`);
}
