// What may stand at a place of a YAML text, by a JSON schema. Pure: a text and a schema in, words out.
//
// A place is found by indentation and by what is open in its line, so that it is known in a text that is not finished.

const KEY = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#:,[\]{}&*!|>%@`"'][^#:,[\]{}]*?)\s*:(?=\s|$)/;

// The frames around the end of a text: {indent, kind: "map" | "list", key, values}, the outermost first, and what is being typed there.
export function placeOf(text) {
  const lines = text.split("\n");
  const frames = [];
  let typed = "";
  lines.forEach((line, index) => {
    const isLast = index === lines.length - 1;
    if (!isLast && !/^\s*[^\s#]/.test(line)) return;
    typed = readLine(line, frames, isLast);
  });
  return { frames, ...typed };
}

function readLine(line, frames, isLast) {
  let indent = line.length - line.trimStart().length;
  let rest = line.slice(indent);
  if (rest || isLast) leave(frames, indent, rest.startsWith("-"));
  let dash = /^-(\s+|$)/.exec(rest);
  while (dash) {
    leave(frames, indent, true);
    frames.push({ indent, kind: "list" });
    indent += dash[0].length;
    rest = rest.slice(dash[0].length);
    dash = /^-(\s+|$)/.exec(rest);
  }
  return readEntry(rest, indent, frames);
}

// Closes what a line of this indentation is not a part of. A dash may stand as far left as the key of its list.
function leave(frames, indent, isDash) {
  while (frames.length) {
    const last = frames.at(-1);
    if (last.indent < indent || (last.indent === indent && (last.kind === "map" ? isDash || last.key === undefined : false))) break;
    if (last.indent === indent && last.kind === "map") {
      last.key = undefined;
      break;
    }
    frames.pop();
  }
}

function readEntry(rest, indent, frames) {
  const found = KEY.exec(rest);
  if (!found) {
    if (/^[{[]/.test(rest)) return readFlow(rest, indent, frames);
    return typedIn(frames, rest, indent);
  }
  const key = unquoted(found[1]);
  let map = frames.at(-1);
  if (!map || map.kind !== "map" || map.indent !== indent) {
    map = { indent, kind: "map", values: {} };
    frames.push(map);
  }
  map.key = key;
  const value = rest.slice(found[0].length).trimStart();
  map.values[key] = unquoted(withoutComment(value));
  if (/^[{[]/.test(value)) return readFlow(value, indent + 1, frames);
  return { mode: "value", prefix: value };
}

function typedIn(frames, rest, indent) {
  const last = frames.at(-1);
  const isValue = last?.kind === "map" && last.key !== undefined && last.indent < indent && rest !== "" && /^["']/.test(rest);
  return { mode: isValue ? "value" : "key", prefix: rest, indent };
}

// What is open at the end of `{…` or `[…` in one line. Closed, it leaves nothing.
function readFlow(text, indent, frames) {
  const floor = frames.length;
  let word = "";
  let quote = "";
  const end = () => {
    const top = frames.at(-1);
    if (top?.flow && top.kind === "map" && top.key !== undefined) top.values[top.key] = unquoted(word.trim());
    word = "";
  };
  for (const letter of text) {
    if (quote) {
      word += letter;
      if (letter === quote) quote = "";
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word += letter;
    } else if (letter === "{" || letter === "[") {
      frames.push({ indent, kind: letter === "{" ? "map" : "list", values: {}, flow: true });
      word = "";
    } else if (letter === "}" || letter === "]") {
      end();
      if (frames.length > floor) frames.pop();
      if (frames.length === floor) return { mode: "none", prefix: "" };
    } else if (letter === ",") {
      end();
      if (frames.at(-1)?.kind === "map") frames.at(-1).key = undefined;
    } else if (letter === ":" && frames.at(-1)?.kind === "map" && frames.at(-1).key === undefined) {
      frames.at(-1).key = unquoted(word.trim());
      word = "";
    } else {
      word += letter;
    }
  }
  const top = frames.at(-1);
  return { mode: top.kind === "map" && top.key === undefined ? "key" : "value", prefix: word.trimStart(), flow: true };
}

function unquoted(text) {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
}

function withoutComment(text) {
  return text.replace(/\s+#.*$/, "").trim();
}

// The entries that stand in the same mapping below a place, which say what it is as well as those above.
export function entriesBelow(text, indent) {
  const values = {};
  for (const line of text.split("\n").slice(1)) {
    if (!line.trim()) continue;
    const own = line.length - line.trimStart().length;
    if (own < indent || (own === indent && line.trimStart().startsWith("-"))) break;
    const found = own === indent ? KEY.exec(line.slice(own)) : null;
    if (found) values[unquoted(found[1])] = unquoted(withoutComment(line.slice(own + found[0].length)));
  }
  return values;
}

// All plain schemas that a schema stands for: references followed, choices taken apart.
function plain(schema, root, depth = 0) {
  if (!schema || depth > 8) return [];
  if (schema.$ref) return plain(root.$defs?.[schema.$ref.split("/").at(-1)], root, depth + 1);
  const choices = schema.oneOf ?? (schema.properties ? undefined : schema.anyOf);
  return choices ? choices.flatMap((choice) => plain(choice, root, depth + 1)) : [schema];
}

// Those of an object's schemas that the entries known so far do not contradict; all, where each is contradicted.
function fitting(schemas, values) {
  const found = schemas.filter((schema) => Object.entries(values ?? {}).every(([key, value]) => {
    const wanted = schema.properties?.[key];
    return wanted?.const === undefined || value === "" || value === wanted.const;
  }));
  return found.length ? found : schemas;
}

function below(schemas, frame, root) {
  if (frame.kind === "list") return schemas.flatMap((schema) => plain(schema.items, root));
  const chosen = fitting(schemas, { ...frame.values, [frame.key]: "" });
  return chosen.flatMap((schema) => {
    const open = typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
    return plain(schema.properties?.[frame.key] ?? open, root);
  });
}

// The words that may stand at the end of `text`, which `after` follows: [{label, kind, detail, info}], and the part of them that is there.
export function optionsAt(text, after, schema) {
  const place = placeOf(text);
  if (place.mode === "none") return { prefix: "", options: [] };
  const frames = place.frames;
  for (const frame of frames) {
    if (frame.kind === "map" && !frame.flow) frame.values = { ...entriesBelow(after, frame.indent), ...frame.values };
  }
  const own = place.mode === "key" ? keyFrame(place) : undefined;
  let schemas = plain(schema, schema);
  for (const frame of frames) {
    if (frame !== own) schemas = below(schemas, frame, schema);
  }
  if (place.mode === "key") {
    const values = own?.values ?? (place.flow ? {} : entriesBelow(after, place.indent ?? 0));
    return { prefix: place.prefix, options: keys(fitting(schemas, values), values, place.prefix) };
  }
  return { prefix: place.prefix, options: words(schemas) };
}

// The mapping that a key is typed in, if it has entries already.
function keyFrame(place) {
  const last = place.frames.at(-1);
  return last?.kind === "map" && last.key === undefined ? last : undefined;
}

function keys(schemas, values, prefix) {
  const found = new Map();
  for (const schema of schemas) {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      if (found.has(key) || (key in values && key !== prefix)) continue;
      const isNeeded = (schema.required ?? []).includes(key);
      found.set(key, { label: key, kind: "property", detail: isNeeded ? "required" : typeOf(value), info: value.description ?? "" });
    }
  }
  return [...found.values()];
}

function words(schemas) {
  const found = new Map();
  for (const schema of schemas) {
    const values = schema.enum ?? (schema.const !== undefined ? [schema.const] : schema.type === "boolean" ? [true, false] : []);
    for (const value of values) {
      if (value !== null) found.set(String(value), { label: String(value), kind: "enum", detail: "", info: schema.description ?? "" });
    }
  }
  return [...found.values()];
}

function typeOf(schema) {
  return schema.$ref || schema.properties ? "mapping" : [schema.type ?? ""].flat().join(" or ").replace("array", "list").replace("object", "mapping");
}
