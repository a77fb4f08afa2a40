// Verify a webhook of Onefunnel (Standard Webhooks 1.0.0) with nothing but Node.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_S = 300;

/** Say whether `body`, the raw bytes as they came, is genuine and fresh. Names of headers in lower case. */
export function verify(
  secret: string,
  headers: Record<string, string | undefined>,
  body: Uint8Array,
  now: number = Date.now() / 1000,
): boolean {
  const id = headers["webhook-id"] ?? "";
  const stamp = headers["webhook-timestamp"] ?? "";
  if (id === "" || !/^[0-9]+$/.test(stamp)) return false;
  if (Math.abs(now - Number(stamp)) > TOLERANCE_S) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${stamp}.`).update(body).digest("base64");
  const wanted = Buffer.from(`v1,${digest}`);
  const sent = (headers["webhook-signature"] ?? "").split(" "); // two while a secret is rotated
  return sent.some((one) => {
    const given = Buffer.from(one);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}
