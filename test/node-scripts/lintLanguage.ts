import { methodNames, staticNames } from '../simulators/nodes/powershell/methods.ts';
import type { At, Expression, Program, Statement } from '../simulators/nodes/powershell/syntax.ts';
import { fullTypeName, isCoreType } from '../simulators/nodes/powershell/types.ts';
import { walk, type Place } from '../simulators/nodes/powershell/walk.ts';
import type { Finding, LintRules } from './lint.ts';

// Types, members, variables and texts.

/** PowerShell sets them itself. */
const automaticVariables = new Set(
  `_ ? args confirmpreference debugpreference env erroractionpreference error executioncontext false input lastexitcode
  matches null outputencoding pid progresspreference psscriptroot psversiontable true verbosepreference warningpreference`.split(
    /\s+/,
  ),
);
const neverAssigned = new Set('_ ? args error executioncontext false input lastexitcode matches pid true'.split(' '));

const typeFindings = (literal: string, at: At, place: Place): readonly Finding[] => {
  const name = fullTypeName(literal);
  if (name === undefined) return [{ line: at.line, rule: 'type', message: `the type [${literal}]` }];
  if (isCoreType(name) || place.isGuarded) return [];
  return [
    {
      line: at.line,
      rule: 'type',
      message: `[${literal}] is refused under constrained language; only inside try may it be tried`,
    },
  ];
};

const memberFindings = (expression: Expression & { kind: 'call' }): readonly Finding[] => {
  const { target, name, isStatic, at } = expression;
  const known = isStatic && target.kind === 'type' ? staticNames(target.type) : methodNames;
  return known.includes(name.toLowerCase())
    ? []
    : [
        {
          line: at.line,
          rule: 'member',
          message: `the method ${name} is not on the list of methods that constrained language allows`,
        },
      ];
};

const secretNames = /secret|password|token|privatekey/i;

const isCommandText = (text: string): boolean => {
  const decoded = Buffer.from(text, 'base64').toString('utf16le');
  return /^[\t\n\r\u0020-\u007e]+$/.test(decoded);
};

const literalFindings = (text: string, at: At): readonly Finding[] => {
  const looksSecret =
    /-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\./.test(text) ||
    /\b(?:password|pwd|client_?secret|accountkey|sharedaccesskey)\s*[=:]\s*[^\s$]/i.test(text) ||
    (/^[A-Za-z0-9+/~._-]{32,}={0,2}$/.test(text) &&
      /\d/.test(text) &&
      /[A-Z]/.test(text) &&
      /[a-z]/.test(text) &&
      !/[\\.:]/.test(text) &&
      !isCommandText(text));
  return looksSecret ? [{ line: at.line, rule: 'secret', message: 'a text that looks like a secret' }] : [];
};

const interpolatedName = (part: Expression): string => {
  if (part.kind === 'variable') return part.name;
  if (part.kind === 'member' && typeof part.name === 'string') return part.name;
  const [statement] = part.kind === 'sub' ? part.statements : [];
  return statement?.kind === 'pipeline' && statement.first !== undefined ? interpolatedName(statement.first) : '';
};

const textFindings = (expression: Expression): readonly Finding[] => {
  if (expression.kind === 'literal')
    return typeof expression.value === 'string' ? literalFindings(expression.value, expression.at) : [];
  if (expression.kind !== 'text') return [];
  return expression.parts.flatMap((part) => {
    if (typeof part === 'string') return literalFindings(part, expression.at);
    const name = interpolatedName(part);
    return secretNames.test(name)
      ? [{ line: expression.at.line, rule: 'secret', message: `$${name} becomes part of a text` }]
      : [];
  });
};

const assignedNames = (statement: Statement): readonly Expression[] => {
  if (statement.kind !== 'assignment') return [];
  const { target } = statement;
  const inner = target.kind === 'cast' ? target.operand : target;
  return inner.kind === 'variable' ? [inner] : [];
};

const expressionFindings = (expression: Expression, place: Place): readonly Finding[] => {
  if (expression.kind === 'cast' || expression.kind === 'type')
    return typeFindings(expression.type, expression.at, place);
  if (expression.kind === 'call') return place.isGuarded && expression.isStatic ? [] : memberFindings(expression);
  return textFindings(expression);
};

const statementFindings = (statement: Statement): readonly Finding[] => {
  if (statement.kind === 'try') {
    return statement.catches
      .filter(({ body }) => body.length === 0)
      .map(() => ({ line: statement.at.line, rule: 'empty catch', message: 'an error is swallowed without a word' }));
  }
  return assignedNames(statement).flatMap((variable) =>
    variable.kind === 'variable' && neverAssigned.has(variable.name.toLowerCase())
      ? [{ line: statement.at.line, rule: 'automatic variable', message: `$${variable.name} is PowerShell's own` }]
      : [],
  );
};

/** Names that are read but that nothing ever sets: misspelt. */
const unknownVariables = (program: Program, rules: LintRules): readonly Finding[] => {
  const known = new Set([...automaticVariables, ...rules.variables.map((name) => name.toLowerCase())]);
  const reads: { readonly name: string; readonly line: number }[] = [];
  walk(program.statements, {
    statement: (statement) => {
      for (const each of assignedNames(statement)) if (each.kind === 'variable') known.add(each.name.toLowerCase());
      if (statement.kind === 'foreach') known.add(statement.variable.toLowerCase());
      if (statement.kind === 'function')
        for (const { name } of statement.block.parameters) known.add(name.toLowerCase());
    },
    expression: (expression) => {
      if (expression.kind === 'block')
        for (const { name } of expression.block.parameters) known.add(name.toLowerCase());
      if (expression.kind === 'variable' && expression.scope !== 'env')
        reads.push({ name: expression.name, line: expression.at.line });
    },
    command: (command) => {
      for (const element of command.elements)
        if (element.kind === 'splat') reads.push({ name: element.name, line: element.at.line });
    },
  });
  return reads
    .filter(({ name }) => !known.has(name.toLowerCase()))
    .map(({ name, line }) => ({ line, rule: 'variable', message: `nothing sets $${name}` }));
};

export const languageFindings = (program: Program, rules: LintRules): readonly Finding[] => {
  const findings: Finding[] = [];
  walk(program.statements, {
    statement: (statement) => findings.push(...statementFindings(statement)),
    expression: (expression, place) => findings.push(...expressionFindings(expression, place)),
  });
  return [...findings, ...unknownVariables(program, rules)];
};
