// <hullmark-editor schema="…" check="…"><textarea name="text">: an editor in the place of a field, which keeps the text that is sent.
//
// It lies in a shadow root: there CodeMirror's styles are constructed sheets, which a strict policy of contents allows.
import {
  EditorState, EditorView, HighlightStyle, autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, completionKeymap,
  defaultKeymap, drawSelection, foldGutter, foldKeymap, highlightActiveLine, highlightActiveLineGutter, highlightSelectionMatches,
  highlightSpecialChars, history, historyKeymap, indentOnInput, indentUnit, keymap, lineNumbers, lintGutter, lintKeymap, search,
  searchKeymap, setDiagnostics, syntaxHighlighting, tags, yaml,
} from "./vendor/codemirror.js";
import { optionsAt } from "./schema-completion.js";

const PAUSE = 350;

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--go)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.labelName, tags.typeName, tags.keyword], color: "var(--unknown)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--soft)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "var(--small)", border: "1px solid var(--line-strong)", borderRadius: "6px", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { caretColor: "var(--accent)", padding: "var(--s2) 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--soft)", borderRight: "1px solid var(--line)", borderRadius: "6px 0 0 6px" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 5%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 12%, transparent)", color: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 24%, transparent)" },
  ".cm-selectionMatch": { backgroundColor: "color-mix(in srgb, var(--warn) 22%, transparent)" },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-textfield": { backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", color: "var(--ink)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--raised)", border: "1px solid var(--line-strong)", color: "var(--ink)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "6px", boxShadow: "0 6px 24px rgb(0 0 0 / .18)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px var(--s2)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-tint)", color: "var(--accent)" },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal" },
  ".cm-tooltip.cm-completionInfo": { padding: "var(--s2)", maxWidth: "24rem", fontFamily: "system-ui, sans-serif" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--accent-tint)", border: "0", color: "var(--accent)" },
  ".cm-diagnostic": { fontFamily: "system-ui, sans-serif" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--stop)" },
});

// Text that takes the place of a selection is put in by us: a browser would give it the colours of what it replaces, as styles in attributes,
// which the pages' policy refuses.
const replacing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { main } = view.state.selection;
    if (event.inputType !== "insertText" || event.data === null || main.empty || view.composing || view.state.readOnly) return false;
    const put = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    const isTaken = view.state.facet(EditorView.inputHandler).some((handler) => handler(view, main.from, main.to, event.data, put));
    if (!isTaken) view.dispatch(put());
    return true;
  },
});

function completions(schema) {
  return (context) => {
    const text = context.state.doc.sliceString(0, context.pos);
    const found = optionsAt(text, context.state.doc.sliceString(context.pos), schema);
    if (!found.options.length || (!context.explicit && !found.prefix && /\n\s*$/.test(text) && !/:\s*\n\s*$|-\s*$/.test(text))) return null;
    const options = found.options.map((option) => ({
      label: option.label,
      detail: option.detail,
      info: option.info || undefined,
      type: option.kind,
      boost: option.detail === "required" ? 1 : 0,
      apply: option.kind === "property" ? `${option.label}: ` : option.label,
    }));
    return { from: context.pos - found.prefix.length, options, validFor: /^[\w.-]*$/ };
  };
}

class Editor extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("textarea");
    if (!this.field || this.view) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":host { display: block; height: var(--editor-height, 34rem); } .box { height: 100%; } ::slotted(*) { display: none; }");
    root.adoptedStyleSheets = [sheet];
    const box = document.createElement("div");
    box.className = "box";
    root.append(box);
    this.field.hidden = true;
    this.view = new EditorView({ parent: box, root, state: this.state(schemaOf(this.getAttribute("schema"))) });
    this.field.form?.addEventListener("reset", () => setTimeout(() => this.take(this.field.value)));
    this.checkSoon(0);
  }

  state(schema) {
    const isReadOnly = this.field.readOnly;
    return EditorState.create({
      doc: this.field.value,
      extensions: [
        lineNumbers(), foldGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), indentUnit.of("  "),
        syntaxHighlighting(colours), theme, replacing, yaml(), lintGutter(), EditorState.readOnly.of(isReadOnly), EditorView.lineWrapping,
        autocompletion({ icons: false, override: [async (context) => { const known = await schema; return known ? completions(known)(context) : null; }] }),
        // Tab leaves the editor, as it leaves any field.
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, ...defaultKeymap]),
        EditorView.contentAttributes.of({ "aria-label": this.getAttribute("label") ?? "", "aria-multiline": "true", tabindex: "0" }),
        EditorView.updateListener.of((update) => { if (update.docChanged) this.changed(); }),
      ],
    });
  }

  changed() {
    this.field.value = this.view.state.doc.toString();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    this.checkSoon(PAUSE);
  }

  take(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  // Puts the cursor into a line, counted from 1.
  goTo(number) {
    const line = this.view.state.doc.line(Math.min(Math.max(number, 1), this.view.state.doc.lines));
    this.view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
    this.view.focus();
  }

  checkSoon(pause) {
    clearTimeout(this.waiting);
    if (this.getAttribute("check")) this.waiting = setTimeout(() => this.check(), pause);
  }

  // The server says what is wrong with the text: it knows what is a policy.
  async check() {
    const text = this.view.state.doc.toString();
    const token = this.field.form?.elements._csrf?.value ?? "";
    const body = new URLSearchParams({ text, _csrf: token });
    const answer = await fetch(this.getAttribute("check"), { method: "POST", body, headers: { accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || text !== this.view.state.doc.toString()) return;
    const { mistakes } = await answer.json();
    const { doc } = this.view.state;
    const found = mistakes.map((mistake) => {
      const line = doc.line(Math.min(Math.max(mistake.line, 1), doc.lines));
      const from = line.from + (line.length - line.text.trimStart().length);
      return { from: Math.min(from, line.to), to: line.to, severity: "error", message: mistake.where ? `${mistake.where}: ${mistake.reason}` : mistake.reason };
    });
    this.view.dispatch(setDiagnostics(this.view.state, found));
    this.dispatchEvent(new CustomEvent("checked", { bubbles: true, detail: { mistakes } }));
  }
}

// The schema is asked for once; without it nothing is completed.
async function schemaOf(address) {
  if (!address) return null;
  const answer = await fetch(address).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

customElements.define("hullmark-editor", Editor);

// Lists of mistakes beside an editor (<ul data-mistakes>) follow what it is told; their lines lead into it.
document.addEventListener("checked", (event) => {
  for (const list of document.querySelectorAll("[data-mistakes]")) {
    const { mistakes } = event.detail;
    list.replaceChildren(...mistakes.map((mistake) => {
      const item = document.createElement("li");
      item.className = "row";
      if (mistake.line) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "plain tiny";
        button.dataset.line = mistake.line;
        button.textContent = `line ${mistake.line}`;
        item.append(button, " ");
      }
      const where = document.createElement("code");
      where.textContent = mistake.where;
      const reason = document.createElement("span");
      reason.textContent = mistake.reason;
      item.append(...(mistake.where ? [where, reason] : [reason]));
      return item;
    }));
    for (const other of document.querySelectorAll("[data-no-mistakes]")) other.hidden = mistakes.length > 0;
    list.hidden = mistakes.length === 0;
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mistakes] [data-line]");
  if (button) document.querySelector("hullmark-editor")?.goTo(Number(button.dataset.line));
});
