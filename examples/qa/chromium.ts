/** A real browser, for the tests of the page and for its picture. */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

/** Debian's, unless told; `scripts/setup-services.sh` installs it. */
export const chromiumPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

export const hasChromium = existsSync(chromiumPath);

/** Starts Chromium, without a window and without anything that it does by itself. */
export function openChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    // Chromium's sandbox refuses to be root's.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
