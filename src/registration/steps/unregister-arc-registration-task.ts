import { onClusterNode } from '../node-state.ts';
import type { Step } from '../step.ts';
import { arcUnwanted, extensionsHold, nodesAsked, silentNode } from '../removal.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const unregisterArcRegistrationTask: Step<NodeArguments> = {
  microsoft: {
    words: 'Remove the Arc registration task',
    command: 'Unregister-ClusteredScheduledTask ArcRegistrationTask',
  },
  after: ['StartDisablingArc', 'InitializeDisableProcess'],
  arc: true,
  affects: () => ['probe/'],
  evaluate(input) {
    if (!arcUnwanted(input)) return [];
    const on = 'ArcRegistrationTask';
    const silent = silentNode(input, on);
    if (silent !== undefined) return [silent];
    if (nodesAsked(input).every(({ probe }) => probe === undefined || probe.arcRegistrationTask === null))
      return [{ state: 'Done', on }];
    const held = extensionsHold(input, on);
    if (held !== undefined) return [held];
    return [onClusterNode(input, on, ({ name }) => ({ state: 'Ready', on, arguments: { node: name } }))];
  },
};
