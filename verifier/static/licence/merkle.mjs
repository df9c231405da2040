// The RFC 9162 tree: leaf hash, and the root that an inclusion proof leads to.

import { sha256 } from "./bytes.mjs";

export const leafHash = (data) => sha256(Uint8Array.of(0), data);

const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** The root (RFC 9162 §2.1.3.2), or null when the path does not have the length that position and size ask for. */
export async function rootFrom(leaf, position, size, path) {
  if (position < 0 || position >= size) return null;
  let [root, rest, last] = [leaf, position, size - 1];
  for (const sibling of path) {
    if (last === 0) return null;
    if (rest % 2 === 1 || rest === last) {
      root = await nodeHash(sibling, root);
      while (rest % 2 === 0 && rest !== 0) [rest, last] = [Math.floor(rest / 2), Math.floor(last / 2)];
    } else {
      root = await nodeHash(root, sibling);
    }
    [rest, last] = [Math.floor(rest / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : null;
}
