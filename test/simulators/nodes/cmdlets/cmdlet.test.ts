import { afterAll, beforeAll, expect, test } from 'vitest';
import { Type } from 'typebox';
import { startNodesLab, type NodesLab } from '../lab.ts';
import type { NodeContext } from '../world.ts';
import { cmdlet, CmdletError } from './cmdlet.ts';

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
  run: (_, parameters) => parameters,
});

test('parameters are bound by name and alias, in any case', async () => {
  expect(await example.bind(context, { APPID: 'a', count: 2 })).toEqual({ ApplicationId: 'a', Count: 2 });
});

test.each([
  [{ ApplicationId: 'a', Other: 1 }, 'NamedParameterNotFound,Get-Example'],
  [{}, 'ParameterArgumentValidationError,Get-Example'],
  [{ ApplicationId: '' }, 'ParameterArgumentValidationError,Get-Example'],
  [{ ApplicationId: 'a', Count: 'x' }, 'ParameterArgumentValidationError,Get-Example'],
])('%j is refused', async (parameters, fullyQualifiedErrorId) => {
  const refused = example.bind(context, parameters);
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
  await expect(newer.bind(context, {})).rejects.toMatchObject({ reason: 'CommandNotFoundException' });
});
