import { operations, type OperationName } from '../../src/nodes/operations.ts';
import { imdsKey } from '../simulators/nodes/cmdlets/items.ts';
import type { State } from '../simulators/nodes/state.ts';
import { conditions } from './conditions.ts';
import { commandsOf } from './rules.ts';
import { clusterName, stageNames, type Given, type Prepared, type StageName } from './prepare.ts';

// Every operation in every state of a node, and what must come of it.

/** `done`: it answers well and has its effect. `idle`: it answers well and had nothing to do. `afterEffect`: it failed on the way. */
export type Expected = 'done' | 'idle' | { readonly error: RegExp; readonly afterEffect?: true };

export interface Case {
  /** The node's state, in words. */
  readonly state: string;
  readonly stage: StageName;
  readonly operation: OperationName;
  readonly given: object;
  readonly prepare: (state: State) => void;
  readonly expected: Expected;
  /** What is asked and sent instead of what the client would. */
  readonly command?: string;
  readonly stdin?: string;
}

export const isOperationName = (name: string): name is OperationName => Object.hasOwn(operations, name);
export const operationNames: readonly OperationName[] = Object.keys(operations).filter(isOperationName);

/** Where each operation has its place. */
export const usualStage: Readonly<Record<OperationName, StageName>> = {
  probe: 'enabled',
  clusterProbe: 'enabled',
  connectivity: 'enabled',
  events: 'enabled',
  newRegistrationCertificate: 'fresh',
  setRegistrationCertificate: 'certificateCreated',
  setRegistration: 'certificateSet',
  startCloudManagement: 'certificateSet',
  sync: 'registered',
  removeCustomImdsHostAddress: 'registered',
  initializeArcIntegration: 'registered',
  registerArcRegistrationTask: 'initialized',
  startArcRegistrationTask: 'taskRegistered',
  clearArcIntegration: 'enabled',
  unregisterArcRegistrationTask: 'disabling',
  disableArcIntegration: 'disabling',
  removeCloudManagement: 'disabled',
  removeRegistration: 'cleared',
  removeRegistrationCertificate: 'unregistered',
  setAgentProxy: 'enabled',
  disconnectAgent: 'fresh',
};

const among = (stage: StageName, first: StageName, last: StageName): boolean => {
  const at = stageNames.indexOf(stage);
  return stageNames.indexOf(first) <= at && at <= stageNames.indexOf(last);
};

const error = (words: RegExp): Expected => ({ error: words });
const doneIf = (holds: boolean): Expected => (holds ? 'done' : 'idle');

const initializeExpected = (stage: StageName): Expected => {
  if (among(stage, 'disabling', 'disabled')) return error(/being disabled/);
  return among(stage, 'registered', 'cleared') ? 'done' : error(/not registered/);
};

const clearExpected = (stage: StageName, given: object): Expected => {
  if ('setDisableInProgress' in given && given.setDisableInProgress === true)
    return doneIf(among(stage, 'initialized', 'enabled'));
  if (among(stage, 'enabled', 'disabling')) return error(/still enabled/);
  return doneIf(among(stage, 'initialized', 'disabled'));
};

/** On a node of 22H2 that has no troubles. */
export const expectedAt = (stage: StageName, operation: OperationName, given: object): Expected => {
  switch (operation) {
    case 'probe':
    case 'clusterProbe':
    case 'connectivity':
    case 'events':
    case 'newRegistrationCertificate':
      return 'done';
    case 'setRegistrationCertificate':
      return stage === 'fresh' ? error(/no registration certificate/) : 'done';
    case 'removeRegistrationCertificate':
      return doneIf(stage !== 'fresh');
    case 'setRegistration':
      return among(stage, 'fresh', 'certificateCreated') ? error(/has not been set/) : 'done';
    case 'removeRegistration':
      return doneIf(among(stage, 'registered', 'cleared'));
    case 'startCloudManagement':
      return doneIf(!among(stage, 'registered', 'disabled'));
    case 'removeCloudManagement':
      return doneIf(among(stage, 'registered', 'disabled'));
    case 'sync':
      return among(stage, 'registered', 'cleared') ? 'done' : error(/not registered/);
    case 'removeCustomImdsHostAddress':
      return 'idle';
    case 'initializeArcIntegration':
      return initializeExpected(stage);
    case 'clearArcIntegration':
      return clearExpected(stage, given);
    case 'disableArcIntegration':
      return doneIf(among(stage, 'enabled', 'disabling'));
    case 'registerArcRegistrationTask':
      return doneIf(!among(stage, 'taskRegistered', 'disabling'));
    case 'unregisterArcRegistrationTask':
      return doneIf(among(stage, 'taskRegistered', 'disabling'));
    case 'startArcRegistrationTask':
      return among(stage, 'taskRegistered', 'disabling') ? 'done' : error(/^ArcRegistrationTaskNotFound$/);
    case 'setAgentProxy':
      return among(stage, 'enabled', 'disabling') ? 'done' : error(/^AgentNotInstalled$/);
    case 'disconnectAgent':
      return among(stage, 'enabled', 'disabling') ? error(/^AgentNotDisconnected$/) : 'idle';
    default:
      return operation satisfies never;
  }
};

const asItIs = (): void => {};

const stageCases = (given: Given): readonly Case[] =>
  stageNames.flatMap((stage) =>
    [
      ...operationNames.map((operation) => ({ operation, with: given[operation] })),
      { operation: 'clearArcIntegration' as const, with: { setDisableInProgress: false } },
    ].map((each): Case => ({
      state: `22H2, ${stage}`,
      stage,
      operation: each.operation,
      given: each.with,
      prepare: asItIs,
      expected: expectedAt(stage, each.operation, each.with),
    })),
  );

const conditionCases = ({ given, stages }: Prepared): readonly Case[] =>
  conditions.flatMap((condition) =>
    operationNames.flatMap((operation): readonly Case[] => {
      const expected = condition.expected?.[operation];
      const stage = condition.stage ?? usualStage[operation];
      const fitting = { ...given[operation], ...condition.given?.(given, stages)[operation] };
      if (condition.only !== undefined && !condition.only.includes(operation)) return [];
      return [
        {
          state: condition.name,
          stage,
          operation,
          given: fitting,
          prepare: condition.prepare,
          expected: expected ?? expectedAt(stage, operation, fitting),
        },
      ];
    }),
  );

/** Each argument missing, of another type, or one too many: nothing may be done. */
const argumentCases = (given: Given): readonly Case[] =>
  operationNames.flatMap((operation) => {
    const good = Object.fromEntries(Object.entries(given[operation]));
    const wrong = [
      { ...good, more: 'x' },
      ...Object.keys(good).flatMap((name) => [
        Object.fromEntries(Object.entries(good).filter(([each]) => each !== name)),
        { ...good, [name]: 1 },
        { ...good, [name]: null },
      ]),
    ];
    return wrong.map((each): Case => ({
      state: `wrong arguments ${JSON.stringify(Object.keys(each))}`,
      stage: usualStage[operation],
      operation,
      given: each,
      prepare: asItIs,
      expected: { error: /^InvalidArguments$/ },
    }));
  });

/** Their failure does not matter: the operation is done, or never needed them. */
const mayFail: Partial<Record<OperationName, readonly string[]>> = {
  connectivity: ['Invoke-WebRequest'],
  newRegistrationCertificate: ['Remove-Item', 'Remove-ItemProperty', 'Get-ItemProperty'],
  setRegistrationCertificate: ['Remove-ItemProperty', 'New-Item'],
  startCloudManagement: ['Stop-ClusterGroup'],
  removeRegistrationCertificate: ['New-ItemProperty', 'Get-AzureStackHCIRegistrationCertificate', 'New-Item'],
};

/** Each command that an operation needs fails: it must say so, and nothing may look as if it were not there. */
const failureCases = (given: Given): readonly Case[] =>
  operationNames.flatMap((operation) =>
    commandsOf[operation]
      .filter((command) => mayFail[operation]?.includes(command) !== true)
      .map((command): Case => ({
        state: `${command} fails`,
        stage: usualStage[operation],
        operation,
        given: given[operation],
        prepare: (state) => {
          for (const node of Object.values(state.clusters[clusterName]?.nodes ?? {})) {
            node.registry[imdsKey] = { CustomIMDSHostAddress: '10.0.0.1' };
            node.failingCommands[command] = 'Access is denied.';
          }
        },
        expected: { error: new RegExp(`^Failing,${command}$`), afterEffect: true },
      })),
  );

export const allCases = (prepared: Prepared): readonly Case[] => [
  ...stageCases(prepared.given),
  ...conditionCases(prepared),
  ...argumentCases(prepared.given),
  ...failureCases(prepared.given),
];
