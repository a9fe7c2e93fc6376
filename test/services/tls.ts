/** Certificates for tests: an authority of their own, and a server's for this machine. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const openssl = "/usr/bin/openssl";

/** Why there are none; undefined where they can be made. */
export const noTls =
  !existsSync(openssl) && !process.env["CI"] ? `there is no ${openssl}, which makes certificates` : undefined;

/** Files of PEM. */
export interface Certificates {
  /** The authority's certificate: its path, and itself. */
  readonly caFile: string;
  readonly ca: Buffer;
  /** The server's, for `localhost` and `127.0.0.1`. */
  readonly certFile: string;
  readonly keyFile: string;
  remove(): void;
}

/** Makes them, in a temporary folder. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), "petiole-tls-"));
  const run = (...parameters: readonly string[]) =>
    promisify(execFile)(openssl, [...parameters], { cwd: folder, timeout: 20_000 });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await run("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test");
  await run("req", "-new", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"];
  await run("x509", "-req", "-in", "server.csr", ...signed, "-out", "server.pem");
  // The server may run as another user.
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "server.key"), 0o644);
  const caFile = join(folder, "ca.pem");
  return {
    caFile,
    ca: readFileSync(caFile),
    certFile: join(folder, "server.pem"),
    keyFile: join(folder, "server.key"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
