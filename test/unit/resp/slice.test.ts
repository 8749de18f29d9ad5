import { expect, test } from "vitest";
import { NameMap } from "../../../src/resp/name-map.ts";
import { Slice } from "../../../src/resp/slice.ts";
import { Window } from "../../../src/resp/window.ts";

/** A slice of a window that holds a text: the part between its first and its second bar. */
function sliceOf(text: string): { readonly slice: Slice; readonly window: Window } {
  const window = new Window(1024 * 1024);
  const bytes = Buffer.from(text);
  bytes.copy(window.space());
  window.filled(bytes.length);
  const slice = new Slice(window);
  slice.from = window.start + bytes.indexOf("|") + 1;
  slice.to = window.start + bytes.lastIndexOf("|");
  return { slice, window };
}

test("a slice is the text, the bytes and the key of its place, without its neighbours", () => {
  const { slice } = sliceOf("before|größe|behind");
  expect(slice.byteLength).toBe(7);
  expect(slice.text()).toBe("größe");
  expect(slice.bytes()).toEqual(Buffer.from("größe"));
  expect(slice.key()).toBe(Buffer.from("größe").toString("latin1"));
});

test("a slice of nothing is empty", () => {
  const { slice } = sliceOf("a||b");
  expect([slice.byteLength, slice.text(), slice.bytes().length, slice.key()]).toEqual([0, "", 0, ""]);
});

test("its bytes stay as they are when the window goes on", () => {
  const { slice, window } = sliceOf("a|kept|b");
  const bytes = slice.bytes();
  window.buffer.fill("x");
  expect(bytes.toString()).toBe("kept");
});

test("it is looked up by its bytes, and not found where it is not", () => {
  const names = new NameMap<number>();
  names.set("news", 1);
  names.set("weather", 2);
  expect(sliceOf("x|news|y").slice.in(names)).toBe(1);
  expect(sliceOf("x|weather|y").slice.in(names)).toBe(2);
  expect(sliceOf("x|new|s").slice.in(names)).toBeUndefined();
});

test("one slice serves message after message", () => {
  const { slice } = sliceOf("first|second|third");
  slice.from = slice.to - 3;
  expect([slice.text(), slice.byteLength]).toEqual(["ond", 3]);
});
