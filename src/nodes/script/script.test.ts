import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Language, Parser, type Node } from 'web-tree-sitter';
import { beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../operations.ts';
import { arcRegistrationTaskScript, bootstrap, encodeCommand, nodeScript, scriptFiles } from './script.ts';

const administratorScripts = ['Install', 'Uninstall', 'Test'].map(
  (verb) => new URL(`../../../deploy/nodes/${verb}-HciRegistrationNode.ps1`, import.meta.url),
);
const textOf = (file: URL): string => readFileSync(file, 'utf8');
const capitalised = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

let parser: Parser;
beforeAll(async () => {
  await Parser.init();
  parser = new Parser();
  const wasm = fileURLToPath(import.meta.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm'));
  parser.setLanguage(await Language.load(wasm));
});

/** Where the text does not parse. */
const mistakes = (text: string): string[] => {
  const found: string[] = [];
  const visit = (node: Node): void => {
    if (node.isError || node.isMissing) found.push(`${node.startPosition.row + 1}: ${node.text.slice(0, 60)}`);
    else for (const child of node.children) visit(child);
  };
  const tree = parser.parse(text);
  if (tree !== null) visit(tree.rootNode);
  return tree === null ? ['nothing was parsed'] : found;
};

/** The body of a function of the script. */
const functionText = (name: string): string => {
  const text = nodeScript();
  const start = text.indexOf(`\nfunction ${name} {`);
  return start === -1 ? '' : text.slice(start, text.indexOf('\n}', start));
};

/** The quoted names of a PowerShell array after `start`. */
const namesIn = (text: string, start: string): string[] => {
  const [, list = ''] = text.split(start)[1]?.match(/^\s*@\(([^)]*)\)/) ?? [];
  return [...list.matchAll(/'([^']+)'/g)].map(([, name = '']) => name);
};

describe('the node script', () => {
  it.each([...scriptFiles, ...administratorScripts])('%s is PowerShell, and ASCII', (file) => {
    const text = textOf(file);
    expect(mistakes(text)).toEqual([]);
    expect(text).toMatch(/^[\x20-\x7e\n]+$/);
    expect(text.split('\n').length).toBeLessThan(400);
  });

  it('is one text of all parts that parses', () => {
    expect(mistakes(nodeScript())).toEqual([]);
    expect(mistakes(arcRegistrationTaskScript())).toEqual([]);
    for (const file of scriptFiles.filter(({ pathname }) => !/(bootstrap|arc-registration-task)\.ps1$/.test(pathname)))
      expect(nodeScript()).toContain(textOf(file).trimEnd());
  });

  it('has every operation of the contract, and no other', () => {
    const reading = namesIn(nodeScript(), '$readingOperations =');
    const changing = namesIn(nodeScript(), '$changingOperations =');
    const contract = Object.entries(operations);
    expect(reading.toSorted()).toEqual(contract.flatMap(([name, { mutates }]) => (mutates ? [] : [name])).toSorted());
    expect(changing.toSorted()).toEqual(contract.flatMap(([name, { mutates }]) => (mutates ? [name] : [])).toSorted());
  });

  it.each(Object.entries(operations))('%s wants the arguments of the contract', (name, operation) => {
    const body = functionText(`Invoke-${capitalised(name)}`);
    const [check = ''] = body.split('\n').filter((line) => line.includes('Assert-Arguments'));
    const wanted = [...namesIn(body, '-Texts'), ...namesIn(body, '-Flags')];
    expect(check).not.toBe('');
    expect(wanted.toSorted()).toEqual(Object.keys(operation.arguments.properties).toSorted());
  });

  it('carries the text of the clustered task as powershell.exe takes it', () => {
    const [, encoded = ''] = /\$arcRegistrationTask = '([^']+)'/.exec(nodeScript()) ?? [];
    expect(Buffer.from(encoded, 'base64').toString('utf16le')).toBe(arcRegistrationTaskScript());
    expect(arcRegistrationTaskScript()).toContain('Enable-AzureStackHCIArcIntegration @parameters');
    // CreateProcess takes 32767 characters.
    expect(encoded.length).toBeLessThan(30_000);
  });

  it('is started by a command line that cmd.exe takes', () => {
    expect(mistakes(bootstrap())).toEqual([]);
    const options = 'powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand ';
    expect(options.length + encodeCommand(bootstrap()).length).toBeLessThan(8191);
  });

  it('stands in deploy/nodes as it is sent', () => {
    expect(textOf(new URL('../../../deploy/nodes/hcireg.ps1', import.meta.url))).toBe(nodeScript());
  });

  it('is documented operation by operation', () => {
    const page = textOf(new URL('../../../docs/nodes.md', import.meta.url));
    for (const name of Object.keys(operations)) expect(page).toContain(`| \`${name}\` `);
  });
});
