import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { Fernet } from "./fernet.ts";

const made = 1_764_000_000;
/** Of Python's cryptography, with a key made by channels_redis of "key one". */
const token = Buffer.from(
  "gAAAAABpJIEAAAECAwQFBgcICQoLDA0OD0aCrXcKu8mhjYBDlaANHG8lOzr3JBMhbmqnhAMkqzWXfnm38rebVoMbwma5V1ctqA==",
);
/** The same of the bytes 00 ff, with more of a message. */
const other = Buffer.from(
  "gAAAAABpJIEAAAECAwQFBgcICQoLDA0OD_hTC83a_9aVLUPzMkpvbClq1Yql-kwF4KdQC-HIuuxJaHUd6X_RNm2AIxFKVRuAnoVUBt3VnP_EMl4R6DxEBVNNk38iqrqygoZhXbfrXM-GbDeR2wJc4ciSAbmSAMq7pQ==",
);
const typeX = Buffer.from([0x81, 0xa4, ...Buffer.from("type"), 0xa1, 0x78]);

test("decrypts what Python has encrypted, with any of its keys", () => {
  for (const keys of [["key one"], ["another", "key one"], [Buffer.from("key one"), "another"]])
    expect(new Fernet(keys).decrypt(token, 70, made + 5)).toEqual({ bytes: typeX });
  const { bytes } = new Fernet([new Uint8Array([0, 255])]).decrypt(other, 70, made) as { bytes: Uint8Array };
  expect(Buffer.from(bytes.subarray(-40)).toString()).toBe("y".repeat(40));
});

test("encrypts with the first of its keys", () => {
  const encrypted = new Fernet(["key one", "another"]).encrypt(typeX, made + 0.9);
  expect(Buffer.from(encrypted).toString()).toMatch(/^gAAAAABpJIEA[\w-]+={0,2}$/);
  expect(encrypted).toHaveLength(token.length);
  expect(new Fernet(["key one"]).decrypt(encrypted, 70, made)).toEqual({ bytes: typeX });
  expect(new Fernet(["another"]).decrypt(encrypted, 70, made)).toEqual({
    problem: expect.stringContaining("none of symmetricEncryptionKeys"),
  });
});

test("a token is good until it has expired, and not of the future", () => {
  const fernet = new Fernet(["key one"]);
  expect(fernet.decrypt(token, 70, made + 70.9)).toHaveProperty("bytes");
  expect(fernet.decrypt(token, 70, made + 71)).toEqual({ problem: expect.stringContaining("expired") });
  expect(fernet.decrypt(token, 70, made - 60)).toHaveProperty("bytes");
  expect(fernet.decrypt(token, 70, made - 61)).toEqual({ problem: expect.stringContaining("ahead") });
});

test("whatever is changed in a token is noticed", () => {
  const fernet = new Fernet(["key one"]);
  const bytes = Buffer.from(token.toString(), "base64url");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    const text = Buffer.from(changed.toString("base64url"));
    expect(fernet.decrypt(text, 1e12, made), `byte ${at}`).toHaveProperty("problem");
  }
  for (let length = 0; length < token.length - 2; length++)
    expect(fernet.decrypt(token.subarray(0, length), 70, made), `length ${length}`).toHaveProperty("problem");
  for (const text of ["", "=", "gAAA", "not a token", "gAAAAABpJIEA".repeat(100), "é".repeat(100)])
    expect(fernet.decrypt(Buffer.from(text), 70, made), text).toHaveProperty("problem");
});

test("what was signed with the key and padded wrongly is told", () => {
  const head = Buffer.from(token.toString(), "base64url").subarray(0, 25);
  const forged = Buffer.concat([head, Buffer.alloc(16, 7)]);
  const signing = createHash("sha256").update("key one").digest().subarray(0, 16);
  const mac = createHmac("sha256", signing).update(forged).digest();
  const text = Buffer.from(Buffer.concat([forged, mac]).toString("base64url"));
  expect(new Fernet(["key one"]).decrypt(text, 70, made)).toEqual({
    problem: expect.stringContaining("padding"),
  });
});
