// npm run check -- docs: the code in the documents compiles, their links lead somewhere, and what the source declares is
// told. Parts of it: scripts/docs.

import { checkComplete } from "./docs/complete.mjs";
import { documents } from "./docs/documents.mjs";
import { checkLinks } from "./docs/links.mjs";
import { checkSnippets } from "./docs/snippets.mjs";

const all = documents();
const complaints = [...checkLinks(all), ...checkComplete()];
for (const complaint of complaints) console.error(complaint);
const programs = checkSnippets(all);
console.log(`${programs < 0 ? "not all" : programs} programs, ${all.length} documents`);
process.exitCode = complaints.length === 0 && programs > 0 ? 0 : 1;
