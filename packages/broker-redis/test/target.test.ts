import { describe, expect, it } from "vitest";
import { openBroker } from "../src/index.ts";
import { placeOf } from "../src/redis-target.ts";

const options = (url: string): unknown => {
  const { target } = placeOf({ url });
  return "options" in target ? target.options : target;
};

describe("a URL", () => {
  it("of one server", () => {
    expect(options("redis://localhost")).toEqual({ host: "localhost", port: 6379, db: 0 });
    expect(options("redis://:s%40c@h:1/3")).toEqual({ host: "h", port: 1, db: 3, password: "s@c" });
    expect(options("rediss://u:p@[::1]:7")).toEqual({
      host: "::1",
      port: 7,
      db: 0,
      username: "u",
      password: "p",
      tls: {},
    });
    expect(options("redis+unix:/run/redis.sock")).toEqual({ path: "/run/redis.sock" });
    expect(placeOf({ url: "redis://h?prefix=acme" }).prefix).toBe("acme");
  });

  it("of Sentinels", () => {
    expect(options("redis+sentinel://u:p@a:1,b/mymaster/2")).toEqual({
      sentinels: [
        { host: "a", port: 1 },
        { host: "b", port: 26379 },
      ],
      name: "mymaster",
      db: 2,
      username: "u",
      password: "p",
    });
    expect(options("rediss+sentinel://a/m")).toMatchObject({
      tls: {},
      enableTLSForSentinelMode: true,
      sentinelTLS: {},
    });
  });

  it("of a cluster", () => {
    const { target, address } = placeOf({ url: "rediss+cluster://:p@a:1,b" });
    expect(target).toEqual({
      kind: "cluster",
      nodes: [
        { host: "a", port: 1 },
        { host: "b", port: 6379 },
      ],
      options: { redisOptions: { password: "p", tls: {} } },
    });
    expect(address).toBe("redis+cluster://a:1,b:6379");
  });

  it("shows no credentials in its address", () => {
    for (const url of ["redis://u:secret@h/1", "redis+sentinel://u:secret@a,b/m", "redis+cluster://u:secret@a,b"]) {
      expect(openBroker(new URL(url)).address).not.toContain("secret");
    }
  });

  it.each([
    ["redis://h:99999", "is not a host and port"],
    ["redis://a,b", "several hosts are a cluster or Sentinels"],
    ["redis+sentinel://a", "names its master"],
    ["redis+cluster://a/1", "database 0 only"],
    ["redis://h/x", "is no database"],
    ["redis://u:secret@h?tls=1", 'takes no "tls"'],
    ["http://u:secret@h", "is not a URL of Redis"],
  ])("%s cannot work, and the error says why without secrets", (url, why) => {
    expect(() => placeOf({ url })).toThrow(why);
    expect(() => placeOf({ url })).not.toThrow("secret");
  });
});
