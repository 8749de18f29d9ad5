import fc from "fast-check";

/**
 * The same inputs in every run of the tests, so that what fails once fails again. `npm run fuzz` draws others, for as long as
 * one lets it; TIDINGS_SEED names another seed.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.TIDINGS_SEED ?? 20_261_201) });
