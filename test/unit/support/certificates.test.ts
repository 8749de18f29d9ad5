import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { certificates, renewServerCertificate } from "../../support/certificates.ts";

test("one authority has signed the server's and the client's certificate, the stranger neither", async () => {
  const { ca, server, client, strangerCa } = await certificates();
  const [authority, stranger] = [new X509Certificate(ca.cert), new X509Certificate(strangerCa.cert)];
  for (const { cert } of [server, client, await renewServerCertificate()]) {
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.verify(stranger.publicKey)).toBe(false);
  }
  expect([authority.ca, new X509Certificate(server.cert).ca]).toEqual([true, false]);
});

test("the server's is for localhost and its addresses, and lies in files too", async () => {
  const { server } = await certificates();
  const certificate = new X509Certificate(server.cert);
  expect(certificate.checkHost("localhost")).toBe("localhost");
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkHost("example.com")).toBeUndefined();
  expect(readFileSync(server.certFile, "utf8")).toBe(server.cert);
  expect(readFileSync(server.keyFile, "utf8")).toBe(server.key);
});

test("they are made once, a renewed one anew", async () => {
  expect(await certificates()).toBe(await certificates());
  expect((await renewServerCertificate()).cert).not.toBe((await certificates()).server.cert);
});
