// Starts `tplint lsp`, and opens the pages of its rules. What is found and shown is the server's concern.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import {
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  TransportKind,
} from "vscode-languageclient/node";

const run = promisify(execFile);
/** Rule pages are shown as documents of this scheme. */
const SCHEME = "tplint-rule";
/** The server asks for this command after it has written a suppression comment. */
const REASON = "tplint.writeReason";
const LANGUAGES = ["c", "cpp", "rust"];
const CONFIGURATION = { scheme: "file", pattern: "**/tplint.toml" };
/** Where Even Better TOML is told which schema belongs to which file. */
const ASSOCIATIONS = "evenBetterToml.schema.associations";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const command = (name: string, act: (...args: never[]) => unknown) =>
    context.subscriptions.push(vscode.commands.registerCommand(name, act));
  command("tplint.explain", explain);
  command("tplint.restart", restart);
  command("tplint.useSchema", () => useSchema(context));
  command(REASON, writeReason);
  const pages: vscode.TextDocumentContentProvider = {
    provideTextDocumentContent: (uri) => ask(["explain", uri.path.slice(1, -".md".length)]),
  };
  const linked = [CONFIGURATION, ...LANGUAGES.map((language) => ({ scheme: "file", language }))];
  context.subscriptions.push(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, pages),
    vscode.languages.registerDocumentLinkProvider(linked, { provideDocumentLinks: links }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("tplint.path") || event.affectsConfiguration("tplint.arguments")) {
        void restart();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.dispose();
  client = undefined;
}

function program(): string {
  return vscode.workspace.getConfiguration("tplint").get("path", "") || "tplint";
}

async function start(): Promise<void> {
  const further = vscode.workspace.getConfiguration("tplint").get<string[]>("arguments", []);
  const server: ServerOptions = {
    command: program(),
    args: ["lsp", ...further],
    transport: TransportKind.stdio,
  };
  const options: LanguageClientOptions = {
    documentSelector: [...LANGUAGES.map((language) => ({ scheme: "file", language })), CONFIGURATION],
    initializationOptions: { reasonCommand: REASON },
  };
  client = new LanguageClient("tplint", "tplint", server, options);
  try {
    await client.start();
  } catch (error) {
    const settings = "Open Settings";
    const message = `tplint does not start (${String(error)}). Is it installed, and does tplint.path name it?`;
    if ((await vscode.window.showErrorMessage(message, settings)) === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "tplint.path");
    }
  }
}

async function restart(): Promise<void> {
  const before = client;
  client = undefined;
  await before?.dispose().catch(() => undefined);
  await start();
}

/** What the program says on standard output. */
async function ask(args: string[]): Promise<string> {
  try {
    return (await run(program(), args)).stdout;
  } catch (error) {
    return `tplint cannot be asked: ${String(error)}\n`;
  }
}

interface Rule {
  name: string;
  level: string;
  summary: string;
}

/** The rules and what else can be set by name, as `tplint rules` lists them; none where the program cannot be asked. */
async function rules(): Promise<Rule[]> {
  try {
    const { stdout } = await run(program(), ["rules", "--format", "json"]);
    const listed = JSON.parse(stdout) as { rules: Rule[]; checks: Rule[] };
    return [...listed.rules, ...listed.checks];
  } catch {
    return [];
  }
}

/** Opens the page of a rule; asks which one where none is named. */
async function explain(name?: string): Promise<void> {
  if (name === undefined) {
    const items = (await rules()).map((rule) => ({
      label: rule.name,
      description: rule.level,
      detail: rule.summary,
    }));
    name = (await vscode.window.showQuickPick(items, { matchOnDetail: true }))?.label;
  }
  if (name !== undefined && /^\w+$/.test(name)) {
    const page = vscode.Uri.from({ scheme: SCHEME, path: `/${name}.md` });
    await vscode.commands.executeCommand("markdown.showPreview", page);
  }
}

let known: Promise<Set<string>> | undefined;

/** Links from the names of rules, in the configuration and in suppression comments, to their pages. */
async function links(document: vscode.TextDocument): Promise<vscode.DocumentLink[]> {
  const isConfiguration = document.fileName.endsWith("tplint.toml");
  const text = document.getText();
  if (!isConfiguration && !text.includes("tplint:")) {
    return [];
  }
  known ??= rules().then((all) => new Set(all.map((rule) => rule.name)));
  const names = await known;
  if (names.size === 0) {
    known = undefined;
  }
  const found: vscode.DocumentLink[] = [];
  for (const match of text.matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)) {
    const start = document.positionAt(match.index);
    const before = document.lineAt(start.line).text.slice(0, start.character);
    if (!names.has(match[0]) || !(isConfiguration || before.includes("tplint:"))) {
      continue;
    }
    const end = document.positionAt(match.index + match[0].length);
    const args = encodeURIComponent(JSON.stringify([match[0]]));
    const link = new vscode.DocumentLink(
      new vscode.Range(start, end),
      vscode.Uri.parse(`command:tplint.explain?${args}`),
    );
    link.tooltip = `What ${match[0]} is about`;
    found.push(link);
  }
  return found;
}

/** Selects what stands where the reason of a suppression belongs, so that it is written over. */
async function writeReason(uri: string, range: { start: Place; end: Place } | null): Promise<void> {
  if (range === null) {
    return;
  }
  const place = ({ line, character }: Place) => new vscode.Position(line, character);
  const selection = new vscode.Range(place(range.start), place(range.end));
  await vscode.window.showTextDocument(vscode.Uri.parse(uri), { selection });
}

interface Place {
  line: number;
  character: number;
}

/** Tells Even Better TOML of the schema, which takes whole addresses only: of a copy that stays where it is. */
async function useSchema(context: vscode.ExtensionContext): Promise<void> {
  const shipped = vscode.Uri.joinPath(context.extensionUri, "tplint.schema.json");
  const kept = vscode.Uri.joinPath(context.globalStorageUri, "tplint.schema.json");
  await vscode.workspace.fs.createDirectory(context.globalStorageUri);
  await vscode.workspace.fs.copy(shipped, kept, { overwrite: true });
  const settings = vscode.workspace.getConfiguration();
  const before = settings.get<Record<string, string>>(ASSOCIATIONS);
  if (before === undefined) {
    await vscode.window.showWarningMessage("This needs the extension Even Better TOML (tamasfe.even-better-toml).");
    return;
  }
  const associations = { ...before, ".*/tplint\\.toml$": kept.toString() };
  await settings.update(ASSOCIATIONS, associations, vscode.ConfigurationTarget.Global);
}
