import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provide } from "@lovage/services";

/** An authority of its own, and what it signed: names of files in one folder, and their contents. */
export interface Certificates extends Disposable {
  readonly folder: string;
  file(name: string): string;
  read(name: string): Buffer;
  /** `<name>.pem` and `<name>.key`, signed by `authority`. */
  sign(name: string, subject: string, authority?: string): void;
}

export async function certificates(): Promise<Certificates> {
  const openssl = await provide({ command: "openssl", debian: "openssl", variable: "PATH" });
  const folder = mkdtempSync(join(tmpdir(), "lovage-rabbitmq-tls-"));
  const file = (name: string): string => join(folder, name);
  const make = (name: string, subject: string, more: readonly string[]): void => {
    const files = [
      "-keyout",
      file(`${name}.key`),
      "-out",
      file(`${name}.pem`),
      "-days",
      "2",
      "-subj",
      `/CN=${subject}`,
    ];
    execFileSync(openssl, ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, ...more], { stdio: "ignore" });
  };
  for (const authority of ["ca", "stranger"]) make(authority, `Lovage tests, ${authority}`, []);
  return {
    folder,
    file,
    read: (name) => readFileSync(file(name)),
    sign(name, subject, authority = "ca") {
      const by = ["-CA", file(`${authority}.pem`), "-CAkey", file(`${authority}.key`)];
      const ends = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", `subjectAltName=DNS:${subject}`];
      make(name, subject, [...by, ...ends]);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
