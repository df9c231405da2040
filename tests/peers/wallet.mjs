// The npm peers at work: reads one JSON question on standard input, answers in JSON.
// verify: @sd-jwt/sd-jwt-vc checks a credential, its status list and key binding. present: it shows some fields.

import { ES256, digest, generateSalt } from "@sd-jwt/crypto-nodejs";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import canonicalize from "canonicalize";
import { readFileSync } from "node:fs";

const asked = JSON.parse(readFileSync(0, "utf8"));

async function instance() {
  const common = { hasher: digest, hashAlg: "sha-256", saltGenerator: generateSalt };
  const found = {
    ...common,
    verifier: await ES256.getVerifier(asked.issuer),
    statusVerifier: await ES256.getVerifier(asked.issuer),
    statusListFetcher: async (uri) => {
      if (uri !== asked.status_uri) throw new Error(`another status list: ${uri}`);
      return asked.status_list;
    },
    loadTypeMetadataFormat: asked.type_metadata !== undefined,
    vctFetcher: async () => asked.type_metadata,
    kbVerifier: async (data, signature, payload) => {
      const verify = await ES256.getVerifier(payload.cnf.jwk);
      return verify(data, signature);
    },
  };
  if (asked.holder) {
    found.kbSigner = await ES256.getSigner(asked.holder);
    found.kbSignAlg = "ES256";
  }
  return new SDJwtVcInstance(found);
}

const deeds = {
  async verify() {
    const options = asked.nonce ? { keyBindingNonce: asked.nonce } : {};
    const found = await (await instance()).verify(asked.credential, { ...options, currentDate: asked.now });
    return { payload: found.payload, kb: found.kb?.payload ?? null };
  },
  async present() {
    const payload = { aud: asked.audience, nonce: asked.nonce, iat: asked.now };
    return { presentation: await (await instance()).present(asked.credential, asked.frame, { kb: { payload } }) };
  },
  async canonicalize() {
    return { texts: asked.values.map((value) => canonicalize(value)) };
  },
};

try {
  console.log(JSON.stringify(await deeds[asked.deed]()));
} catch (error) {
  console.log(JSON.stringify({ refused: String(error.message) }));
}
