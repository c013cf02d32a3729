/** A program with uiohook-napi in it, or without: says which, and `load` what it exports. */
import { loadUiohook, uiohookThere } from "../../../../src/track/adapters/senses/uiohook/addon.ts";

const loaded = process.argv[2] === "load" ? Object.keys(loadUiohook() as object).sort() : null;
console.log(JSON.stringify({ ...uiohookThere(), loaded }));
