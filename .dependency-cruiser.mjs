// The layers of src, lowest first. A file may import its own layer and those below it, never one above;
// `import type` counts like any other import. Leaves import leaves only, and core imports leaves only beside itself.
// The surfaces are what users import: the core's, and one for each subpath. What lies behind a subpath stands on the core's
// surface alone, as any user's code does, and nothing imports it.
const SUBPATHS = ["compat", "socket.io", "testing"];
const SURFACES = `^src/(index|${SUBPATHS.join("|")})\\.ts$`;
const LEAVES = `^src/(?!(index|${SUBPATHS.join("|")})\\.ts$)[^/]+\\.ts$`;
const LAYERS = ["core", "resp", "connection", "cluster", "pubsub", "client"];
// The rooms of src/pubsub, lowest floor first. Rooms of one floor do not know each other.
const FLOORS = [["model"], ["subscriptions"], ["placement", "delivery", "sharing"], ["consumer"]];
const room = (name) => `^src/pubsub/${name}/`;

const under = (layers) => layers.map((layer) => `^src/${layer}/`);

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "leaves-import-leaves-only",
      severity: "error",
      from: { path: LEAVES },
      to: { path: "^src/", pathNot: LEAVES },
    },
    ...LAYERS.map((layer, index) => ({
      name: `${layer}-imports-down-only`,
      severity: "error",
      from: { path: `^src/${layer}/` },
      to: { path: "^src/", pathNot: [LEAVES, ...under(LAYERS.slice(0, index + 1))] },
    })),
    ...FLOORS.flatMap((rooms, floor) =>
      rooms.map((name) => ({
        name: `pubsub-${name}-imports-down-only`,
        severity: "error",
        from: { path: room(name) },
        to: { path: "^src/pubsub/", pathNot: [room(name), ...FLOORS.slice(0, floor).flat().map(room)] },
      })),
    ),
    {
      name: "no-unknown-room",
      comment: "A new folder of src/pubsub needs its place in the order above; no file lies beside the rooms.",
      severity: "error",
      from: { path: "^src/pubsub/", pathNot: FLOORS.flat().map(room) },
      to: {},
    },
    {
      name: "no-unknown-layer",
      comment: "A new folder of src needs its place in the order above.",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: [...under(LAYERS), ...under(SUBPATHS)] },
      to: {},
    },
    ...SUBPATHS.map((name) => ({
      name: `${name}-stands-on-the-surface`,
      severity: "error",
      from: { path: [`^src/${name}/`, `^src/${name}\\.ts$`] },
      to: { path: "^src/", pathNot: ["^src/index\\.ts$", `^src/${name}/`] },
    })),
    {
      name: "testing-stands-alone",
      comment: "The server for tests shares no code with what it tests.",
      severity: "error",
      from: { path: "^src/testing(/|\\.ts$)" },
      to: { path: "^src/", pathNot: "^src/testing/" },
    },
    {
      name: "no-barrels-inside",
      comment: "The surfaces are for users: nothing behind them imports one, but the subpaths that of the core.",
      severity: "error",
      from: { path: "^src/", pathNot: under(SUBPATHS) },
      to: { path: [SURFACES, "^src/.+/index\\.ts$"] },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "src-stands-alone",
      comment: "Nothing that is published imports tests, benchmarks, examples, documents or scripts.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|examples|docs|scripts|dist)/" },
    },
    {
      name: "src-uses-runtime-dependencies",
      comment: "What src imports from npm must be in `dependencies`; of the optional peers only types are imported.",
      severity: "error",
      from: { path: "^src/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"],
        pathNot: "node_modules/(@types|ioredis|redis|socket.io-adapter)/",
      },
    },
    {
      name: "resolvable",
      comment: "The packages of other clients are installed only when the benchmarks run.",
      severity: "error",
      from: { pathNot: "^bench/(clients|cluster|memory)/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // The benchmarks and the tests of other libraries have packages of their own.
    exclude: { path: "^(bench/node_modules|test/ecosystem|examples/recipes)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
