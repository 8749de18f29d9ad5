import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "selfsigned";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A certificate and its key: as PEM text, and in files. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** What the TLS tests need, all valid for a year. */
export interface Certificates {
  /** The authority that signed `server` and `client`. */
  readonly ca: Certificate;
  /** For `localhost`, 127.0.0.1 and ::1. */
  readonly server: Certificate;
  /** For a client, common name `tidings-client`. */
  readonly client: Certificate;
  /** An authority that signed none of them. */
  readonly strangerCa: Certificate;
}

let made: Promise<Certificates> | undefined;

/** The certificates of this process, made when first asked for. */
export function certificates(): Promise<Certificates> {
  made ??= make();
  return made;
}

/** A further server certificate for `localhost`, signed by the same authority: for a rotation. */
export async function renewServerCertificate(): Promise<Certificate> {
  const { ca } = await certificates();
  return issueServer(ca);
}

async function make(): Promise<Certificates> {
  const [ca, strangerCa] = await Promise.all([issueAuthority("tidings CA"), issueAuthority("stranger CA")]);
  const [server, client] = await Promise.all([issueServer(ca), issueClient(ca)]);
  return { ca, server, client, strangerCa };
}

function issueAuthority(name: string): Promise<Certificate> {
  return issue(name, undefined, [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
  ]);
}

function issueServer(ca: Certificate): Promise<Certificate> {
  return issue("localhost", ca, [
    { name: "basicConstraints", cA: false },
    { name: "keyUsage", digitalSignature: true, critical: true },
    { name: "extKeyUsage", serverAuth: true },
    {
      name: "subjectAltName",
      altNames: [
        { type: 2, value: "localhost" },
        { type: 7, ip: "127.0.0.1" },
        { type: 7, ip: "::1" },
      ],
    },
  ]);
}

function issueClient(ca: Certificate): Promise<Certificate> {
  return issue("tidings-client", ca, [
    { name: "basicConstraints", cA: false },
    { name: "keyUsage", digitalSignature: true, critical: true },
    { name: "extKeyUsage", clientAuth: true },
  ]);
}

type Extensions = NonNullable<NonNullable<Parameters<typeof generate>[1]>["extensions"]>;

async function issue(name: string, ca: Certificate | undefined, extensions: Extensions): Promise<Certificate> {
  const pem = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    // A clock that is a little behind must not refuse it.
    notBeforeDate: new Date(Date.now() - 3_600_000),
    extensions,
    ...(ca === undefined ? {} : { ca: { key: ca.key, cert: ca.cert } }),
  });
  const directory = temporaryDirectory();
  const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  writeFileSync(certFile, pem.cert);
  writeFileSync(keyFile, pem.private, { mode: 0o600 });
  return { cert: pem.cert, key: pem.private, certFile, keyFile };
}
