import { valueOf } from '../facts.ts';
import { stepKey, underWay, unread, type Step } from '../step.ts';
import { arcUnwanted } from '../removal.ts';

export interface InitializeDisableProcessArguments {
  resourceId: string;
}

export const initializeDisableProcess: Step<InitializeDisableProcessArguments> = {
  microsoft: {
    words: 'Tell Azure that Arc is being disabled',
    command: 'Invoke-AzResourceAction initializeDisableProcess',
  },
  after: ['StartDisablingArc'],
  arc: true,
  submits: { waitSeconds: 300 },
  affects: () => ['arcSettings'],
  evaluate(input) {
    const { arcSettings, operations } = input.observed;
    if (!arcUnwanted(input) || arcSettings.state === 'absent') return [];
    const on = 'default';
    if (arcSettings.state === 'unknown') return [unread(on, arcSettings)];
    const { aggregateState, perNodeDetails } = arcSettings.value.properties;
    // Where Azure shows no node there is nothing whose state it could change.
    if (aggregateState === 'DisableInProgress' || (perNodeDetails ?? []).length === 0) return [{ state: 'Done', on }];
    if (/^Succeeded$/i.test(valueOf(operations[stepKey('InitializeDisableProcess', on)])?.status ?? ''))
      return [{ state: 'Done', on }];
    return [
      underWay(input, 'InitializeDisableProcess', on, ['arcSettings']) ?? {
        state: 'Ready',
        on,
        arguments: { resourceId: input.target.resourceId },
      },
    ];
  },
};
