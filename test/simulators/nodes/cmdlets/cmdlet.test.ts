import { afterAll, beforeAll, expect, test } from 'vitest';
import { Type } from 'typebox';
import { builds } from '../builds.ts';
import { startNodesLab, type NodesLab } from '../lab.ts';
import type { NodeContext } from '../world.ts';
import { cmdlet, CmdletError, type Cmdlet } from './cmdlet.ts';

let lab: NodesLab;
let context: NodeContext;
beforeAll(async () => {
  lab = await startNodesLab({
    clusters: [{ name: 'old', dnsSuffix: 'corp.example.com', nodes: ['OLD1'], build: '20H2' }],
  });
  context = lab.nodes.context('old', 'OLD1');
});
afterAll(() => lab.close());

const example = cmdlet({
  name: 'Get-Example',
  module: 'Example',
  parameters: { ApplicationId: Type.String({ minLength: 1 }), Count: Type.Optional(Type.Integer()) },
  aliases: { AppId: 'ApplicationId' },
  run: ({ parameters }) => parameters,
});

const { signal } = new AbortController();
const invoke = (each: Cmdlet, parameters: Readonly<Record<string, unknown>>): Promise<unknown> =>
  each.invoke(context, signal, parameters, []);

test('parameters are bound by name and alias, in any case', async () => {
  expect(await invoke(example, { APPID: 'a', count: '2' })).toEqual({ ApplicationId: 'a', Count: 2 });
});

test.each([
  [{ ApplicationId: 'a', Other: 1 }, 'NamedParameterNotFound,Get-Example'],
  [{ ApplicationId: 'a', AppId: 'b' }, 'ParameterAlreadyBound,Get-Example'],
  [{}, 'MissingMandatoryParameter,Get-Example'],
  [{ ApplicationId: '' }, 'ParameterArgumentValidationErrorEmptyStringNotAllowed,Get-Example'],
  [{ ApplicationId: null }, 'ParameterArgumentValidationErrorNullNotAllowed,Get-Example'],
  [{ ApplicationId: 'a', Count: 'x' }, 'ParameterArgumentTransformationError,Get-Example'],
])('%j is refused', async (parameters, fullyQualifiedErrorId) => {
  const refused = invoke(example, parameters);
  await expect(refused).rejects.toBeInstanceOf(CmdletError);
  await expect(refused).rejects.toMatchObject({ fullyQualifiedErrorId });
});

test('a cmdlet that the release does not have is an unknown command', async () => {
  const newer = cmdlet({
    name: 'Get-Newer',
    module: 'Example',
    parameters: {},
    exists: (features) => features.arcIntegration,
    run: () => 1,
  });
  await expect(invoke(newer, {})).rejects.toMatchObject({ reason: 'CommandNotFoundException' });
});

test('a parameter that the release does not have yet is unknown, and Get-Command does not show it', async () => {
  const newer = cmdlet({
    name: 'Get-Newer',
    module: 'Example',
    parameters: { Cloud: Type.Optional(Type.String()) },
    lacks: (features) => (features.arcCloud ? [] : ['Cloud']),
    run: () => 1,
  });
  await expect(invoke(newer, { Cloud: 'x' })).rejects.toMatchObject({
    fullyQualifiedErrorId: 'NamedParameterNotFound,Get-Newer',
  });
  expect(newer.parameterNames(builds['20H2'])).toEqual([]);
  expect(newer.parameterNames(builds['22H2'])).toEqual(['Cloud']);
});
