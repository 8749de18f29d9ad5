import { defineConfig, type UserConfig } from "tsdown";

const common: UserConfig = {
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
};

/** The core, then what stands on it and imports it by its name: one copy of its classes, whichever subpaths are used. */
export default defineConfig([
  { ...common, entry: ["src/index.ts"] },
  ...["compat", "socket.io", "testing"].map((name) => ({
    ...common,
    entry: { [name]: `src/${name}.ts` },
    clean: false,
    deps: { neverBundle: ["tidings", "ioredis", "redis", "socket.io-adapter"] },
  })),
]);
