// The Python client, tested in Python against a running gateway.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { startGateway } from "./gateway.mjs";

test("the Python client does what its own tests say", async () => {
  const gateway = await startGateway({ config: "simulator:\n  latency: 20ms\nupstream:\n  attempts: 1\n" });
  try {
    const python = spawn("python3", ["-B", "-W", "error", "-m", "unittest", "test_reprise"], {
      cwd: new URL("../../clients/python", import.meta.url),
      env: { ...process.env, REPRISE_URL: gateway.url },
    });
    let output = "";
    for (const stream of [python.stdout, python.stderr]) stream.on("data", (data) => { output += data; });
    const code = await new Promise((done) => python.once("close", done));
    assert.equal(code, 0, output);
  } finally {
    await gateway.stop();
  }
});
