/** JWTs of NATS, as `nsc` makes them: claims of an operator, an account or a user, signed with the nkey of whoever vouches for them. */

import { randomUUID } from "node:crypto";
import { nkeys } from "@nats-io/transport-node";

export type KeyPair = ReturnType<typeof nkeys.createUser>;

const UNLIMITED = { subs: -1, data: -1, payload: -1 };
const ACCOUNT = { ...UNLIMITED, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
const STORAGE = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

export const keys = {
  operator: (): KeyPair => nkeys.createOperator(),
  account: (): KeyPair => nkeys.createAccount(),
  user: (): KeyPair => nkeys.createUser(),
} as const;

/** Vouches for itself. */
export function operatorJwt(operator: KeyPair): string {
  return signed(operator, operator, "operator", {});
}

export function accountJwt(account: KeyPair, operator: KeyPair, storage: "JetStream" | "none"): string {
  return signed(account, operator, "account", { limits: storage === "none" ? ACCOUNT : { ...ACCOUNT, ...STORAGE } });
}

/** The text of a credentials file. `expiresAt`: ms since the epoch. */
export function credentialsOf(user: KeyPair, account: KeyPair, expiresAt?: number): string {
  const block = (kind: string, text: string): string => `-----BEGIN ${kind}-----\n${text}\n------END ${kind}------\n`;
  const jwt = signed(user, account, "user", UNLIMITED, expiresAt);
  return `${block("NATS USER JWT", jwt)}\n${block("USER NKEY SEED", Buffer.from(user.getSeed()).toString())}`;
}

function signed(subject: KeyPair, issuer: KeyPair, type: string, claims: object, expiresAt?: number): string {
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const body = {
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    ...(expiresAt !== undefined && { exp: Math.ceil(expiresAt / 1_000) }),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: type,
    nats: { ...claims, type, version: 2 },
  };
  const text = `${encoded({ typ: "JWT", alg: "ed25519-nkey" })}.${encoded(body)}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}
