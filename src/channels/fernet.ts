/**
 * Fernet, the encryption of Python's `cryptography`, with the keys made as channels_redis makes them.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

interface Key {
  readonly signing: Buffer;
  readonly encrypting: Buffer;
}

const version = 0x80;
const [ivAt, textAt, signature, block] = [9, 25, 32, 16] as const;
/** In seconds: how far ahead the clock of whoever encrypted it may be. */
const clockSkew = 60;

/** Encrypts with the first of its keys, and decrypts with any. */
export class Fernet {
  readonly #keys: readonly Key[];

  constructor(keys: readonly (string | Uint8Array)[]) {
    this.#keys = keys.map((key) => {
      const hash = createHash("sha256").update(key).digest();
      return { signing: hash.subarray(0, 16), encrypting: hash.subarray(16) };
    });
  }

  /** @param now in seconds */
  encrypt(bytes: Uint8Array, now: number): Uint8Array {
    const { signing, encrypting } = this.#keys[0]!;
    const head = Buffer.alloc(ivAt);
    head[0] = version;
    head.writeBigUInt64BE(BigInt(Math.floor(now)), 1);
    const iv = randomBytes(block);
    const cipher = createCipheriv("aes-128-cbc", encrypting, iv);
    const parts = Buffer.concat([head, iv, cipher.update(bytes), cipher.final()]);
    const mac = createHmac("sha256", signing).update(parts).digest();
    // Unlike Node's base64url, Python's has padding.
    const text = Buffer.concat([parts, mac]).toString("base64");
    return Buffer.from(text.replaceAll("+", "-").replaceAll("/", "_"));
  }

  /**
   * What was encrypted with one of its keys, not longer ago than allowed. Otherwise why it is not to be had.
   *
   * @param lasts in seconds
   * @param now in seconds
   */
  decrypt(
    token: Uint8Array,
    lasts: number,
    now: number,
  ): { readonly bytes: Uint8Array } | { readonly problem: string } {
    const text = Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString("latin1");
    if (!/^[\w-]+={0,2}$/.test(text)) return { problem: "what is no Fernet token" };
    const data = Buffer.from(text, "base64url");
    const length = data.length - textAt - signature;
    if (data[0] !== version || length < block || length % block !== 0)
      return { problem: "what is no Fernet token" };
    const made = Number(data.readBigUInt64BE(1));
    const signed = data.subarray(0, -signature);
    const mac = data.subarray(-signature);
    for (const { signing, encrypting } of this.#keys) {
      if (!timingSafeEqual(createHmac("sha256", signing).update(signed).digest(), mac)) continue;
      const age = Math.floor(now) - made;
      if (age > lasts) return { problem: `a message of ${age} seconds ago, which has expired` };
      if (age < -clockSkew) return { problem: `a message of a clock that is ${-age} seconds ahead` };
      try {
        const decipher = createDecipheriv("aes-128-cbc", encrypting, data.subarray(ivAt, textAt));
        return { bytes: Buffer.concat([decipher.update(signed.subarray(textAt)), decipher.final()]) };
      } catch {
        return { problem: "a Fernet token with wrong padding" };
      }
    }
    return { problem: "what none of symmetricEncryptionKeys has signed" };
  }
}
