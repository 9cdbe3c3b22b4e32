// The syntax tree of the house subset: what is left of a script after everything outside the subset was refused.

/** Where something stands, and the text that a position message shows. */
export interface At {
  /** 1-based */
  readonly line: number;
  /** 1-based */
  readonly column: number;
  /** The whole source line. */
  readonly sourceLine: string;
  /** The text itself, its first line. */
  readonly text: string;
}

export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number; readonly at: At }
  | { readonly kind: 'text'; readonly parts: readonly (string | Expression)[]; readonly at: At }
  | { readonly kind: 'variable'; readonly scope: string | undefined; readonly name: string; readonly at: At }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly at: At }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression; readonly at: At }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly at: At;
    }
  | { readonly kind: 'cast'; readonly type: string; readonly operand: Expression; readonly at: At }
  | { readonly kind: 'type'; readonly type: string; readonly at: At }
  | {
      readonly kind: 'member';
      readonly target: Expression;
      readonly name: string | Expression;
      readonly isStatic: boolean;
      readonly at: At;
    }
  | {
      readonly kind: 'call';
      readonly target: Expression;
      readonly name: string;
      readonly arguments: readonly Expression[];
      readonly isStatic: boolean;
      readonly at: At;
    }
  | { readonly kind: 'index'; readonly target: Expression; readonly index: Expression; readonly at: At }
  | { readonly kind: 'hash'; readonly entries: readonly HashEntry[]; readonly at: At }
  | { readonly kind: 'block'; readonly block: BlockSyntax; readonly at: At }
  | { readonly kind: 'paren'; readonly statement: Statement; readonly at: At }
  | { readonly kind: 'sub'; readonly statements: readonly Statement[]; readonly at: At }
  | { readonly kind: 'array'; readonly statements: readonly Statement[]; readonly at: At }
  | { readonly kind: 'increment'; readonly target: Expression; readonly by: 1 | -1; readonly at: At };

export interface HashEntry {
  readonly key: Expression;
  readonly value: Statement;
}

export interface ParameterSyntax {
  readonly name: string;
  readonly type: string | undefined;
  readonly mandatory: boolean;
  readonly initial: Expression | undefined;
}

export interface BlockSyntax {
  readonly parameters: readonly ParameterSyntax[];
  readonly body: readonly Statement[];
  readonly at: At;
}

export type CommandElement =
  /** `-Name` or `-Name:value` */
  | { readonly kind: 'parameter'; readonly name: string; readonly value: Expression | undefined; readonly at: At }
  | { readonly kind: 'value'; readonly value: Expression; readonly at: At }
  | { readonly kind: 'splat'; readonly name: string; readonly at: At };

/** `2>$null`, `2>&1`, `>$null` and the like: which stream goes to nothing or to the output. */
export interface Redirection {
  readonly stream: '1' | '2' | '3' | '*';
  readonly to: 'nothing' | 'output';
}

export interface Command {
  /** A bare name, or what stands after `&`. */
  readonly name: string | Expression;
  readonly elements: readonly CommandElement[];
  readonly redirections: readonly Redirection[];
  readonly at: At;
}

export interface Pipeline {
  readonly kind: 'pipeline';
  /** An expression may only be the first. */
  readonly first: Expression | undefined;
  readonly redirections: readonly Redirection[];
  readonly commands: readonly Command[];
  readonly at: At;
}

export interface Branch {
  readonly condition: Statement;
  readonly body: readonly Statement[];
}

export type Statement =
  | Pipeline
  | {
      readonly kind: 'assignment';
      readonly target: Expression;
      readonly operator: string;
      readonly value: Statement;
      readonly at: At;
    }
  | {
      readonly kind: 'if';
      readonly branches: readonly Branch[];
      readonly otherwise: readonly Statement[];
      readonly at: At;
    }
  | {
      readonly kind: 'foreach';
      readonly variable: string;
      readonly items: Statement;
      readonly body: readonly Statement[];
      readonly at: At;
    }
  | { readonly kind: 'while'; readonly condition: Statement; readonly body: readonly Statement[]; readonly at: At }
  | {
      readonly kind: 'switch';
      readonly value: Statement;
      /** A clause without a condition is `default`. */
      readonly clauses: readonly {
        readonly condition: Expression | undefined;
        readonly body: readonly Statement[];
      }[];
      readonly at: At;
    }
  | {
      readonly kind: 'try';
      readonly body: readonly Statement[];
      /** Without types: everything. */
      readonly catches: readonly { readonly types: readonly string[]; readonly body: readonly Statement[] }[];
      readonly finally: readonly Statement[];
      readonly at: At;
    }
  | { readonly kind: 'function'; readonly name: string; readonly block: BlockSyntax; readonly at: At }
  | {
      readonly kind: 'flow';
      readonly word: 'break' | 'continue' | 'throw' | 'return' | 'exit';
      readonly value: Statement | undefined;
      readonly at: At;
    };

export interface Program {
  readonly statements: readonly Statement[];
}
