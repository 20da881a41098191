import { describe, expect, it } from "vitest";
import { glob } from "../../src/app/glob.ts";

describe("glob", () => {
  it.each([
    ["images.thumbnail", "images.thumbnail", true],
    ["images.thumbnail", "images.thumbnails", false],
    ["images.*", "images.thumbnail", true],
    ["images.*", "images.a.b.c", true],
    ["images.*", "images", false],
    ["*", "anything.at.all", true],
    ["*.thumbnail", "images.thumbnail", true],
    ["*.thumbnail", "images.thumbnail.big", false],
    ["a.*.c", "a.b.c", true],
    ["a.*.c", "a.c", false],
    ["a*b*c", "aXbYbZc", true],
    ["a*bb*bb", "abb", false],
    ["a*bb*bb", "abbbb", true],
    ["ab*ba", "aba", false],
    ["i.age*", "image", false],
  ])("%s against %s is %s", (pattern, name, expected) => {
    expect(glob(pattern)(name)).toBe(expected);
  });
});
