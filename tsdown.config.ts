import { defineConfig } from "tsdown";

export default defineConfig({
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20",
  tsconfig: "tsconfig.src.json",
  // The package is of type "module": index.js is ESM, index.cjs is CommonJS.
  fixedExtension: false,
  dts: true,
  // TypeScript 6 loads no @types by itself: without this line a Buffer in our types would silently become any.
  banner: { dts: '/// <reference types="node" />' },
  outputOptions: { strict: true },
  failOnWarn: true,
});
