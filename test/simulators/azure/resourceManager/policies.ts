import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Policy } from '../settings.ts';
import type { World } from '../world.ts';
import { ArmError } from './errors.ts';
import { anything, closed, parseBody, route, type Context, type Route } from './routing.ts';

/** What policies look at. */
export interface PolicyContent {
  readonly type: string;
  readonly name: string;
  readonly location: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

interface Rule {
  readonly displayName: string;
  /** A built-in definition's GUID, or a name of our own for a custom one. */
  readonly definition: string;
  readonly custom?: true;
  readonly forGroups: boolean;
  readonly field: string;
  readonly operator: string;
  readonly target: unknown;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly value: (content: PolicyContent) => unknown;
  readonly denies: (content: PolicyContent) => boolean;
}

const groupType = 'Microsoft.Resources/subscriptions/resourceGroups';
const isGroup = (content: PolicyContent): boolean => content.type.toLowerCase() === groupType.toLowerCase();
const normalised = (location: string | undefined): string => (location ?? '').replaceAll(/\s/g, '').toLowerCase();
const tagOf = (content: PolicyContent, tag: string): string | undefined =>
  Object.entries(content.tags).find(([name]) => name.toLowerCase() === tag.toLowerCase())?.[1];

function like(pattern: string, value: string): boolean {
  const expression = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${expression}$`, 'i').test(value);
}

/** The rules of the policy assignments in force. A lifetime is the tenant's matter, not Resource Manager's. */
function rulesOf(policy: Policy): Rule[] {
  if (policy.kind === 'resourceGroupName') {
    return [
      {
        displayName: 'Resource group names',
        definition: 'resource-group-names',
        custom: true,
        forGroups: true,
        field: 'name',
        operator: 'NotLike',
        target: policy.like,
        parameters: {},
        value: (content) => content.name,
        denies: (content) => !like(policy.like, content.name),
      },
    ];
  }
  if (policy.kind === 'requiredResourceGroupTag' || policy.kind === 'requiredTag') {
    const forGroups = policy.kind === 'requiredResourceGroupTag';
    return [
      {
        displayName: forGroups ? 'Require a tag on resource groups' : 'Require a tag on resources',
        definition: forGroups ? '96670d01-0a4d-4649-9c89-2d3abc0a5025' : '871b6d14-10aa-478d-b590-94f262ecfa99',
        forGroups,
        field: `tags[${policy.tag}]`,
        operator: 'Exists',
        target: 'false',
        parameters: { tagName: policy.tag },
        value: (content) => tagOf(content, policy.tag),
        denies: (content) => tagOf(content, policy.tag) === undefined,
      },
    ];
  }
  if (policy.kind === 'allowedLocations') {
    const denies = (content: PolicyContent) => !policy.locations.map(normalised).includes(normalised(content.location));
    return [true, false].map((forGroups) => ({
      displayName: forGroups ? 'Allowed locations for resource groups' : 'Allowed locations',
      definition: forGroups ? 'e765b5de-1225-4ba3-bd56-1ac6695af988' : 'e56962a6-4747-49cd-b67b-bf8b01975c4c',
      forGroups,
      field: 'location',
      operator: 'NotIn',
      target: policy.locations,
      parameters: { listOfAllowedLocations: policy.locations },
      value: (content) => content.location,
      denies,
    }));
  }
  return [];
}

interface Violation {
  readonly rule: Rule;
  readonly definitionId: string;
  readonly assignmentId: string;
  readonly assignmentName: string;
  readonly expressions: readonly object[];
}

function violations(world: World, subscription: string, content: PolicyContent): Violation[] {
  const scope = `/subscriptions/${subscription}`;
  return world.settings.policies
    .flatMap(rulesOf)
    .filter((rule) => rule.forGroups === isGroup(content) && rule.denies(content))
    .map((rule) => {
      const assignmentName = createHash('sha256')
        .update(`${rule.definition}${JSON.stringify(rule.target)}`)
        .digest('hex')
        .slice(0, 24);
      const prefix = rule.custom === true ? scope : '';
      return {
        rule,
        definitionId: `${prefix}/providers/Microsoft.Authorization/policyDefinitions/${rule.definition}`,
        assignmentName,
        assignmentId: `${scope}/providers/Microsoft.Authorization/policyAssignments/${assignmentName}`,
        expressions: [
          expression('type', 'type', content.type, content.type, 'Equals'),
          expression(rule.field, rule.field, rule.value(content), rule.target, rule.operator),
        ],
      };
    });
}

const expression = (field: string, path: string, value: unknown, targetValue: unknown, operator: string) => ({
  result: 'True',
  expressionKind: 'Field',
  expression: field,
  path,
  ...(value === undefined ? {} : { expressionValue: value }),
  targetValue,
  operator,
});

/** RequestDisallowedByPolicy with all assignments that forbid it. */
export function checkPolicies(world: World, subscription: string, content: PolicyContent): void {
  const found = violations(world, subscription, content);
  if (found.length === 0) return;
  const identifiers = found.map(({ rule, assignmentId, definitionId }) => ({
    policyAssignment: { name: rule.displayName, id: assignmentId },
    policyDefinition: { name: rule.displayName, id: definitionId },
  }));
  const message = `Resource '${content.name}' was disallowed by policy. Policy identifiers: '${JSON.stringify(identifiers)}'.`;
  throw new ArmError(403, 'RequestDisallowedByPolicy', message, {
    gateway: true,
    target: content.name,
    additionalInfo: found.map(({ rule, definitionId, assignmentId, assignmentName, expressions }) => ({
      type: 'PolicyViolation',
      info: {
        policyDefinitionDisplayName: rule.displayName,
        evaluationDetails: { evaluatedExpressions: expressions },
        policyDefinitionId: definitionId,
        policyDefinitionName: rule.definition,
        policyDefinitionEffect: 'Deny',
        policyAssignmentId: assignmentId,
        policyAssignmentName: assignmentName,
        policyAssignmentDisplayName: rule.displayName,
        policyAssignmentScope: `/subscriptions/${subscription}`,
        policyAssignmentParameters: Object.fromEntries(
          Object.entries(rule.parameters).map(([name, value]) => [name, { value }]),
        ),
      },
    })),
  });
}

const Tagged = Type.Object({
  location: Type.Optional(Type.String()),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** What a PUT or PATCH would leave behind, as far as policies look; undefined where the body is not even that. */
export function policyContent(
  type: string,
  name: string,
  body: unknown,
  existing: { location: string; tags?: Record<string, string> } | undefined,
): PolicyContent | undefined {
  if (!Value.Check(Tagged, body)) return undefined;
  return { type, name, location: body.location ?? existing?.location, tags: body.tags ?? existing?.tags ?? {} };
}

const restrictions = 'Microsoft.PolicyInsights/checkPolicyRestrictions';
const action = `${restrictions}/read`;
const Restrictions = closed({
  resourceDetails: closed({
    resourceContent: Type.Object({
      type: Type.Optional(Type.String()),
      name: Type.Optional(Type.String()),
      location: Type.Optional(Type.String()),
      tags: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
    apiVersion: Type.Optional(Type.String()),
    scope: Type.Optional(Type.String()),
  }),
  pendingFields: Type.Optional(
    Type.Array(closed({ field: Type.String(), values: Type.Optional(Type.Array(Type.String())) })),
  ),
  includeAuditEffect: anything,
});

const reference = ({ definitionId, assignmentId }: Violation) => ({
  policyDefinitionId: definitionId,
  policyAssignmentId: assignmentId,
});

const check = (context: Context) => {
  const { world } = context;
  const { resourceDetails, pendingFields = [] } = parseBody(Restrictions, context.body);
  const { type = '', name = '', location, tags = {} } = resourceDetails.resourceContent;
  const pending = pendingFields.map(({ field }) => field.toLowerCase());
  const content: PolicyContent = { type, name, location, tags };
  const found = violations(world, context.part('subscription'), content);
  const isPending = ({ rule }: Violation) => pending.includes(rule.field.toLowerCase());
  return {
    status: 200,
    body: {
      fieldRestrictions: found.filter(isPending).map((violation) => ({
        field: violation.rule.field,
        restrictions: [
          {
            result: violation.rule.operator === 'NotLike' ? 'Deny' : 'Required',
            ...(Array.isArray(violation.rule.target) ? { values: violation.rule.target } : {}),
            policy: reference(violation),
          },
        ],
      })),
      contentEvaluationResult: {
        policyEvaluations: found
          .filter((violation) => !isPending(violation))
          .map((violation) => ({
            policyInfo: reference(violation),
            evaluationResult: 'NonCompliant',
            evaluationDetails: { evaluatedExpressions: violation.expressions },
          })),
      },
    },
  };
};

export const policyRoutes: readonly Route[] = ['', '/resourceGroups/{group}'].map((below) =>
  route('POST', `/subscriptions/{subscription}${below}/providers/${restrictions}`, restrictions, check, action),
);
