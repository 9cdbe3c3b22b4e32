import type { BlockSyntax, Command, Expression, Statement } from './syntax.ts';

// Every part of a script, in order, for whoever judges a script without running it.

export interface Place {
  /** The function it stands in; undefined at the top. */
  readonly function: string | undefined;
  /** In the body of a `try` that has a catch. */
  readonly isGuarded: boolean;
}

export interface Visitor {
  readonly statement?: (statement: Statement, place: Place) => void;
  readonly expression?: (expression: Expression, place: Place) => void;
  readonly command?: (command: Command, place: Place) => void;
}

const walkBlock = (block: BlockSyntax, place: Place, visitor: Visitor): void => {
  for (const { initial } of block.parameters) if (initial !== undefined) walkExpression(initial, place, visitor);
  walkAll(block.body, place, visitor);
};

const walkCommand = (command: Command, place: Place, visitor: Visitor): void => {
  visitor.command?.(command, place);
  if (typeof command.name !== 'string') walkExpression(command.name, place, visitor);
  for (const element of command.elements) {
    if (element.kind !== 'splat' && element.value !== undefined) walkExpression(element.value, place, visitor);
  }
};

const walkExpression = (expression: Expression, place: Place, visitor: Visitor): void => {
  const visit = (each: Expression): void => walkExpression(each, place, visitor);
  visitor.expression?.(expression, place);
  switch (expression.kind) {
    case 'literal':
    case 'variable':
    case 'type':
      return;
    case 'text':
      for (const part of expression.parts) if (typeof part !== 'string') visit(part);
      return;
    case 'list':
      expression.items.forEach(visit);
      return;
    case 'unary':
    case 'cast':
      visit(expression.operand);
      return;
    case 'binary':
      visit(expression.left);
      visit(expression.right);
      return;
    case 'member':
      visit(expression.target);
      if (typeof expression.name !== 'string') visit(expression.name);
      return;
    case 'call':
      visit(expression.target);
      expression.arguments.forEach(visit);
      return;
    case 'index':
      visit(expression.target);
      visit(expression.index);
      return;
    case 'hash':
      for (const { key, value } of expression.entries) {
        visit(key);
        walkStatement(value, place, visitor);
      }
      return;
    case 'block':
      walkBlock(expression.block, place, visitor);
      return;
    case 'paren':
      walkStatement(expression.statement, place, visitor);
      return;
    case 'sub':
    case 'array':
      walkAll(expression.statements, place, visitor);
      return;
    case 'increment':
      visit(expression.target);
  }
};

const walkStatement = (statement: Statement, place: Place, visitor: Visitor): void => {
  visitor.statement?.(statement, place);
  switch (statement.kind) {
    case 'pipeline':
      if (statement.first !== undefined) walkExpression(statement.first, place, visitor);
      for (const command of statement.commands) walkCommand(command, place, visitor);
      return;
    case 'assignment':
      walkExpression(statement.target, place, visitor);
      walkStatement(statement.value, place, visitor);
      return;
    case 'if':
      for (const { condition, body } of statement.branches) {
        walkStatement(condition, place, visitor);
        walkAll(body, place, visitor);
      }
      walkAll(statement.otherwise, place, visitor);
      return;
    case 'foreach':
      walkStatement(statement.items, place, visitor);
      walkAll(statement.body, place, visitor);
      return;
    case 'while':
      walkStatement(statement.condition, place, visitor);
      walkAll(statement.body, place, visitor);
      return;
    case 'switch':
      walkStatement(statement.value, place, visitor);
      for (const { condition, body } of statement.clauses) {
        if (condition !== undefined) walkExpression(condition, place, visitor);
        walkAll(body, place, visitor);
      }
      return;
    case 'try':
      walkAll(statement.body, { ...place, isGuarded: place.isGuarded || statement.catches.length > 0 }, visitor);
      for (const { body } of statement.catches) walkAll(body, place, visitor);
      walkAll(statement.finally, place, visitor);
      return;
    case 'function':
      walkBlock(statement.block, { function: statement.name.toLowerCase(), isGuarded: false }, visitor);
      return;
    case 'flow':
      if (statement.value !== undefined) walkStatement(statement.value, place, visitor);
  }
};

const walkAll = (statements: readonly Statement[], place: Place, visitor: Visitor): void => {
  for (const statement of statements) walkStatement(statement, place, visitor);
};

export const walk = (statements: readonly Statement[], visitor: Visitor): void =>
  walkAll(statements, { function: undefined, isGuarded: false }, visitor);
