// nginx with one worker, as the yardstick: for files, and for passing a request on.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, scratch } from "../tests/e2e/gateway.mjs";

function config(root, port, upstream) {
  // Started by root, its workers would not be allowed into the scratch directory.
  const user = process.getuid() === 0 ? "user root;" : "";
  const pool = upstream ? `upstream api { server ${new URL(upstream).host}; keepalive 600; }` : "";
  const place = upstream
    ? `location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
         proxy_buffers 64 64k; proxy_busy_buffers_size 128k; }`
    : `root ${root}/www;`;
  return `${user} worker_processes 1; daemon off; pid ${root}/nginx.pid; error_log ${root}/error.log;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000;
  open_file_cache max=100 inactive=60s; default_type application/json;
  types { image/png png; }
  client_body_temp_path ${root}/b; proxy_temp_path ${root}/p; fastcgi_temp_path ${root}/f;
  uwsgi_temp_path ${root}/u; scgi_temp_path ${root}/s;
  ${pool}
  server { listen 127.0.0.1:${port} backlog=4096; ${place} } }`;
}

async function waitFor(url) {
  for (let i = 0; i < 200; i++) {
    try { return await fetch(url); } catch { await new Promise((done) => setTimeout(done, 20)); }
  }
  throw new Error(`nothing answers at ${url}`);
}

// Serves the files of `folder`/www, or passes everything on to `upstream`.
export async function startNginx({ folder, upstream }) {
  const own = folder ? null : scratch();
  const root = folder ?? own.path;
  const port = await freePort();
  writeFileSync(join(root, "nginx.conf"), config(root, port, upstream));
  const child = spawn("nginx", ["-c", join(root, "nginx.conf"), "-p", root], { stdio: "inherit" });
  const exited = new Promise((done) => child.once("exit", done));
  const url = `http://127.0.0.1:${port}`;
  await waitFor(url);
  return { url, pid: child.pid, stop: async () => { child.kill("SIGTERM"); await exited; own?.remove(); } };
}
